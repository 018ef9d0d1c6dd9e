//! Xero's names of time zones.
//!
//! They are Windows' names in capitals without spaces and full stops. Only those are translated
//! whose counterpart is beyond doubt for a place where Xero is sold; for the rest nothing is said.

/// The IANA name.
pub(crate) fn iana(xero: &str) -> Option<&'static str> {
    Some(match xero {
        "AUSCENTRALSTANDARDTIME" => "Australia/Darwin",
        "AUSEASTERNSTANDARDTIME" => "Australia/Sydney",
        "CENAUSTRALIASTANDARDTIME" => "Australia/Adelaide",
        "EAUSTRALIASTANDARDTIME" => "Australia/Brisbane",
        "LORDHOWESTANDARDTIME" => "Australia/Lord_Howe",
        "TASMANIASTANDARDTIME" => "Australia/Hobart",
        "WAUSTRALIASTANDARDTIME" => "Australia/Perth",
        "NEWZEALANDSTANDARDTIME" => "Pacific/Auckland",
        "CHATHAMISLANDSSTANDARDTIME" => "Pacific/Chatham",
        "FIJISTANDARDTIME" => "Pacific/Fiji",
        "GMTSTANDARDTIME" => "Europe/London",
        "WEUROPESTANDARDTIME" => "Europe/Berlin",
        "ROMANCESTANDARDTIME" => "Europe/Paris",
        "SINGAPORESTANDARDTIME" => "Asia/Singapore",
        "INDIASTANDARDTIME" => "Asia/Kolkata",
        "TOKYOSTANDARDTIME" => "Asia/Tokyo",
        "SOUTHAFRICASTANDARDTIME" => "Africa/Johannesburg",
        "EASTERNSTANDARDTIME" => "America/New_York",
        "CENTRALSTANDARDTIME" => "America/Chicago",
        "MOUNTAINSTANDARDTIME" => "America/Denver",
        "USMOUNTAINSTANDARDTIME" => "America/Phoenix",
        "PACIFICSTANDARDTIME" => "America/Los_Angeles",
        "ALASKANSTANDARDTIME" => "America/Anchorage",
        "HAWAIIANSTANDARDTIME" => "Pacific/Honolulu",
        "ATLANTICSTANDARDTIME" => "America/Halifax",
        "NEWFOUNDLANDSTANDARDTIME" => "America/St_Johns",
        "UTC" => "UTC",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zones_are_translated_or_left_out() {
        let cases = [
            ("AUSEASTERNSTANDARDTIME", Some("Australia/Sydney")),
            ("NEWZEALANDSTANDARDTIME", Some("Pacific/Auckland")),
            ("PACIFICSTANDARDTIME(MEXICO)", None),
            ("", None),
        ];
        for (xero, expected) in cases {
            assert_eq!(iana(xero), expected, "{xero}");
        }
    }
}
