//! Lock dates: what lies on or before one is closed.

use jiff::civil::Date;

use super::lines::Findings;
use super::organisation::Organisation;
use super::texts;

/// New and moved dates of what is posted must lie after both locks.
pub(crate) fn check_new_date(organisation: &Organisation, date: Date, found: &mut Findings) {
    if let Some(lock) = period_lock(organisation)
        && date <= lock
    {
        found.error(texts::before_period_lock(lock));
    }
    if let Some(lock) = organisation.profile.end_of_year_lock_date
        && date <= lock
    {
        found.error(texts::before_year_lock(lock));
    }
}

/// What is posted on or before a lock can be neither edited nor taken back.
pub(crate) fn check_held_date(organisation: &Organisation, date: Date, found: &mut Findings) {
    if period_lock(organisation).is_some_and(|lock| date <= lock) {
        found.error(texts::DATED_BEFORE_PERIOD_LOCK);
    }
    if organisation
        .profile
        .end_of_year_lock_date
        .is_some_and(|lock| date <= lock)
    {
        found.error(texts::DATED_BEFORE_YEAR_LOCK);
    }
}

fn period_lock(organisation: &Organisation) -> Option<Date> {
    organisation
        .profile
        .period_lock_date
        .filter(|_| !organisation.switches.adviser)
}
