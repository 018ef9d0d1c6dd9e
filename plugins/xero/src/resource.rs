//! The kinds of documents that are read and written, and what sets them apart: one table.

use ledgerline_plugin_api::sdk::{Error, Result};

/// A stream that can be pushed to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Resource {
    CreditNotes,
    SupplierCreditNotes,
    Invoices,
    Bills,
    ManualJournals,
    Payments,
    Contacts,
}

/// What is known of a resource.
#[derive(Debug)]
pub(crate) struct Row {
    stream: &'static str,
    title: &'static str,
    collection: &'static str,
    id: &'static str,
    number: &'static str,
    status: &'static str,
    r#type: Option<&'static str>,
    number_is_unique: bool,
    listed: Listed,
    quoted: bool,
    decimals: bool,
    page_size: usize,
}

/// By what a list can be asked for certain documents.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Listed {
    /// By dates and by the time of change alone.
    Dates,
    /// By ids, too.
    Ids,
    /// By ids and numbers, too.
    Numbers,
}

const CREDIT_NOTES: Row = Row {
    stream: "credit_notes",
    title: "credit note",
    collection: "CreditNotes",
    id: "CreditNoteID",
    number: "CreditNoteNumber",
    status: "Status",
    r#type: Some("ACCRECCREDIT"),
    number_is_unique: true,
    listed: Listed::Dates,
    quoted: false,
    decimals: true,
    page_size: 500,
};

const SUPPLIER_CREDIT_NOTES: Row = Row {
    stream: "supplier_credit_notes",
    title: "supplier credit note",
    r#type: Some("ACCPAYCREDIT"),
    number_is_unique: false,
    ..CREDIT_NOTES
};

const INVOICES: Row = Row {
    stream: "invoices",
    title: "invoice",
    collection: "Invoices",
    id: "InvoiceID",
    number: "InvoiceNumber",
    r#type: Some("ACCREC"),
    listed: Listed::Numbers,
    quoted: true,
    ..CREDIT_NOTES
};

const BILLS: Row = Row {
    stream: "bills",
    title: "bill",
    r#type: Some("ACCPAY"),
    number_is_unique: false,
    ..INVOICES
};

/// A journal has no number; people know it by its narration.
const MANUAL_JOURNALS: Row = Row {
    stream: "manual_journals",
    title: "manual journal",
    collection: "ManualJournals",
    id: "ManualJournalID",
    number: "Narration",
    r#type: None,
    number_is_unique: false,
    quoted: true,
    decimals: false,
    ..CREDIT_NOTES
};

/// A payment has no number at all.
const PAYMENTS: Row = Row {
    stream: "payments",
    title: "payment",
    collection: "Payments",
    id: "PaymentID",
    number: "",
    r#type: None,
    number_is_unique: false,
    decimals: false,
    ..CREDIT_NOTES
};

const CONTACTS: Row = Row {
    stream: "contacts",
    title: "contact",
    collection: "Contacts",
    id: "ContactID",
    number: "ContactNumber",
    status: "ContactStatus",
    r#type: None,
    number_is_unique: true,
    listed: Listed::Ids,
    quoted: false,
    decimals: false,
    page_size: 1000,
};

impl Resource {
    const ALL: [Self; 7] = [
        Self::CreditNotes,
        Self::SupplierCreditNotes,
        Self::Invoices,
        Self::Bills,
        Self::ManualJournals,
        Self::Payments,
        Self::Contacts,
    ];

    /// The stream's resource.
    pub(crate) fn of(stream: &str) -> Result<Self> {
        Self::ALL
            .into_iter()
            .find(|it| it.row().stream == stream)
            .ok_or_else(|| Error::unsupported(format!("Xero's `{stream}` cannot be written")))
    }

    fn row(self) -> &'static Row {
        match self {
            Self::CreditNotes => &CREDIT_NOTES,
            Self::SupplierCreditNotes => &SUPPLIER_CREDIT_NOTES,
            Self::Invoices => &INVOICES,
            Self::Bills => &BILLS,
            Self::ManualJournals => &MANUAL_JOURNALS,
            Self::Payments => &PAYMENTS,
            Self::Contacts => &CONTACTS,
        }
    }

    /// For people.
    pub(crate) fn title(self) -> &'static str {
        self.row().title
    }

    /// Last part of the collection's path, and the name of the list in bodies.
    pub(crate) fn collection(self) -> &'static str {
        self.row().collection
    }

    /// Field of the id.
    pub(crate) fn id(self) -> &'static str {
        self.row().id
    }

    /// Field of the number, or of what stands for one; empty where there is none.
    pub(crate) fn number(self) -> &'static str {
        self.row().number
    }

    /// Field of the status.
    pub(crate) fn status(self) -> &'static str {
        self.row().status
    }

    /// What the field `Type` says, where two kinds share a collection.
    pub(crate) fn r#type(self) -> Option<&'static str> {
        self.row().r#type
    }

    /// Whether no two documents of Xero's have the same number. A supplier's number is the supplier's
    /// affair: it identifies a document together with the contact.
    pub(crate) fn number_is_unique(self) -> bool {
        self.row().number_is_unique
    }

    /// Whether a `where` may ask for a number.
    pub(crate) fn quoted(self) -> bool {
        self.row().quoted
    }

    /// By what its list can be asked.
    pub(crate) fn listed(self) -> Listed {
        self.row().listed
    }

    /// Without `unitdp` Xero rounds unit amounts to cents, in requests and in answers.
    pub(crate) fn decimals(self) -> Option<(&'static str, &'static str)> {
        self.row().decimals.then_some(("unitdp", "4"))
    }

    /// Documents to a page: Xero allows 1,000; documents with lines are several times larger than
    /// contacts.
    pub(crate) fn page_size(self) -> usize {
        self.row().page_size
    }
}
