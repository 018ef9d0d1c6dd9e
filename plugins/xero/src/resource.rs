//! The kinds of documents that are written, and what their endpoints are called.

use ledgerline_plugin_api::sdk::{Error, Result};

/// A stream that can be pushed to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Resource {
    CreditNotes,
    Contacts,
}

impl Resource {
    /// The stream's resource.
    pub(crate) fn of(stream: &str) -> Result<Self> {
        match stream {
            "credit_notes" => Ok(Self::CreditNotes),
            "contacts" => Ok(Self::Contacts),
            other => Err(Error::unsupported(format!(
                "Xero's `{other}` cannot be written"
            ))),
        }
    }

    /// For people.
    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::CreditNotes => "credit note",
            Self::Contacts => "contact",
        }
    }

    /// Last part of the collection's path, and the name of the list in bodies.
    pub(crate) fn collection(self) -> &'static str {
        match self {
            Self::CreditNotes => "CreditNotes",
            Self::Contacts => "Contacts",
        }
    }

    /// Field of the id.
    pub(crate) fn id(self) -> &'static str {
        match self {
            Self::CreditNotes => "CreditNoteID",
            Self::Contacts => "ContactID",
        }
    }

    /// Field of the number.
    pub(crate) fn number(self) -> &'static str {
        match self {
            Self::CreditNotes => "CreditNoteNumber",
            Self::Contacts => "ContactNumber",
        }
    }

    /// Without `unitdp` Xero rounds unit amounts to cents, in requests and in answers.
    pub(crate) fn decimals(self) -> Option<(&'static str, &'static str)> {
        match self {
            Self::CreditNotes => Some(("unitdp", "4")),
            Self::Contacts => None,
        }
    }

    /// Documents to a page: Xero allows 1,000; credit notes are several times larger than contacts.
    pub(crate) fn page_size(self) -> usize {
        match self {
            Self::CreditNotes => 500,
            Self::Contacts => 1000,
        }
    }
}
