//! What happens at the vendor just before a struck call is carried out.

use jiff::Timestamp;

use super::Fault;
use crate::edit::Edit;
use crate::exchange::Request;
use crate::json::{Json, Object};
use crate::world::{State, Vendor};

impl Fault {
    /// Does it.
    pub(crate) fn act(&self, state: &mut State, vendor: Vendor, request: &Request, now: Timestamp) {
        match self {
            Self::MoveRow => {
                // Where there is nothing to save again, nothing moves.
                let _ = move_row(state, vendor, request, now);
            }
            Self::ExpireTokens => state.xero.tokens.expire(now),
            Self::WithdrawConsent => state.xero.tokens.withdraw(),
            Self::Disconnect => state.xero.tokens.connections.clear(),
            _ => {}
        }
    }
}

/// Saves the document that was changed longest ago once more, as it is.
fn move_row(state: &mut State, vendor: Vendor, request: &Request, now: Timestamp) -> Option<()> {
    let edit = |account: &str, kind: &str, id: String| Edit {
        vendor,
        account: account.to_owned(),
        kind: kind.to_owned(),
        id,
        line: None,
        patch: Json::Obj(Object::new()),
        quiet: false,
    };
    let people = request.path.to_ascii_lowercase().contains("contact");
    match vendor {
        Vendor::Omni => {
            let account = state.omni.accounts.first_mut()?;
            let kind = crate::omni::resource_of(request).unwrap_or("CreditNotes");
            let (id, _) = account.rows(kind)?.by_change().next()?;
            let edit = edit("", kind, id.to_string());
            crate::omni::edit::edit(account, &edit, now).ok()?;
        }
        Vendor::Core => {
            let account = state.core.accounts.first_mut()?;
            let (id, _) = account.sales.by_change().next()?;
            let edit = edit("", "sales", id.to_string());
            crate::core::edit::edit(account, &edit, now).ok()?;
        }
        Vendor::Zudello => {
            let team = state.zudello.teams.first_mut()?;
            let id = team.transactions.oldest_first().next()?.uuid.to_string();
            crate::zudello::edits::edit(team, &edit("", "transactions", id), now).ok()?;
        }
        Vendor::Xero => {
            let organisation = state.xero.organisations.first_mut()?;
            let (kind, id) = match organisation.credit_notes.oldest_first().next() {
                Some(note) if !people => ("credit_notes", note.id),
                _ => ("contacts", organisation.contacts.oldest_first().next()?.id),
            };
            let edit = edit("", kind, id.to_string());
            crate::edit::edit_xero(organisation, &edit, now).ok()?;
        }
        Vendor::Nobody => {}
    }
    Some(())
}
