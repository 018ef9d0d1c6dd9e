//! Xero's own words.
//!
//! The first part quotes messages that Xero is known to send. The second part fills the places
//! where the rule is known and the wording is not; a client must not depend on those.

use jiff::civil::Date;

use super::dates::lock_date;
use super::lines::Findings;

/// What is said of one sort of document.
pub(crate) struct Words {
    pub(crate) number_taken: &'static str,
    pub(crate) no_such: &'static str,
    pub(crate) not_modifiable: &'static str,
    pub(crate) bad_status_on_create: &'static str,
    pub(crate) bad_type_on_create: &'static str,
    /// Nobody has published this one.
    pub(crate) type_is_fixed: &'static str,
}

/// Of credit notes. The wordings of number, status and type on create are inferred from invoices.
pub(crate) const CREDIT_NOTE: Words = Words {
    number_taken: "Credit Note # must be unique.",
    no_such: "An existing Credit Note with the specified CreditNoteID could not be found",
    not_modifiable: "Credit Note not of valid status for modification",
    bad_status_on_create: "Credit Note not of valid status for creation",
    bad_type_on_create: "Credit Note not of valid type for creation",
    type_is_fixed: "Credit Note not of valid type for modification",
};

/// Of invoices.
pub(crate) const INVOICE: Words = Words {
    number_taken: "Invoice # must be unique.",
    no_such: "An existing invoice with the specified ID could not be found",
    not_modifiable: "Invoice not of valid status for modification",
    bad_status_on_create: "Invoice not of valid status for creation",
    bad_type_on_create: "Invoice not of valid type for creation",
    type_is_fixed: "Invoice not of valid type for modification",
};

pub(crate) const VALIDATION: &str = "A validation exception occurred";
pub(crate) const NOT_FOUND: &str = "The resource you're looking for cannot be found";
pub(crate) const NO_LINES: &str = "One or more line items must be specified";
pub(crate) const NO_ACCOUNT: &str = "Account code or ID must be specified";
pub(crate) const NO_TAX_TYPE: &str = "The TaxType field is mandatory";
pub(crate) const ACCOUNT_INVALID: &str = "Account must be valid.";
pub(crate) const TAX_RATE_INVALID: &str = "Tax rate must be valid.";
pub(crate) const NO_CONTACT: &str = "A Contact must be specified for this type of transaction";
pub(crate) const EMPTY_CONTACT: &str = "The Contact must contain at least 1 of the following elements to identify the contact: Name, ContactID, ContactNumber";
pub(crate) const DOCUMENT_FOR_ARCHIVED: &str = "The contact with the specified contact details has been archived. The contact must be un-archived before creating new invoices or credit notes.";
pub(crate) const CONTACT_ARCHIVED: &str = "The specified contact details matched an archived contact. Archived contacts cannot currently be edited via the API.";
pub(crate) const CONTACT_NUMBER_TAKEN: &str =
    "Another contact has this contact number. Please enter a different contact number.";
pub(crate) const EMAIL_INVALID: &str = "Email address must be valid.";
pub(crate) const PERSONS_NEED_EMAIL: &str =
    "Additional people cannot be added when the primary person has no email address set.";
pub(crate) const ARCHIVED_ON_CREATE: &str = "The status 'ARCHIVED' is not valid for contacts";
pub(crate) const UNKNOWN_TRACKING: &str =
    "Unknown tracking details. A Tracking Category did not match a known Active TrackingCategory";
pub(crate) const TAX_ABOVE_LINE: &str = "The tax amount cannot be greater than the line amount";
pub(crate) const ALLOCATED: &str =
    "This document cannot be edited as it has a payment or credit note allocated to it.";
pub(crate) const NO_SUCH_DOCUMENT: &str =
    "The document with the supplied id was not found for this endpoint.";
pub(crate) const NO_DUE_DATE: &str = "The document DueDate field must be specified";
pub(crate) const NEEDS_LINE_ID: &str =
    "To update fields on a paid invoice line item, you must supply a LineItemID";
pub(crate) const DATE_WITH_MONEY: &str =
    "Date cannot be changed on an invoice that has payment or credit notes allocated to it.";
pub(crate) const SENT_NEEDS_APPROVAL: &str =
    "Only AUTHORISED invoices may have SentToContact updated.";
pub(crate) const INVOICE_PAID_OFF: &str =
    "The invoice you are trying to allocate to has already been paid off";
pub(crate) const ALLOCATION_TOO_LARGE: &str =
    "Credit Note cannot be allocated as amount is greater than amount outstanding";
pub(crate) const PAYMENT_TOO_LARGE: &str =
    "Payment amount exceeds the amount outstanding on this document";
pub(crate) const PAYMENT_NEEDS_APPROVAL: &str =
    "Payments can only be made against Authorised documents";
pub(crate) const PAYMENT_NEEDS_ACCOUNT: &str =
    "You must specify an Account code or Account ID for the payment.";
pub(crate) const ACCOUNT_NOT_FOUND: &str = "Account could not be found";
pub(crate) const ACCOUNT_TAKES_NO_PAYMENTS: &str =
    "Account type is invalid for making a payment to/from";
pub(crate) const PAYMENT_IN_BATCH: &str = "Payments within a batch cannot be deleted.";
pub(crate) const POST_DATA: &str = "JSON for post data was invalid";

pub(crate) fn status_with_money(status: &str) -> String {
    format!(
        "The status {status} cannot be applied to the invoice because it has payments or credit notes allocated to it."
    )
}

pub(crate) fn bank_archived(name: &str) -> String {
    format!("{name} bank account is archived and cannot be used")
}

pub(crate) fn unbalanced(debits: &str, credits: &str) -> String {
    format!("The total debits ({debits}) must equal total credits ({credits})")
}

pub(crate) fn name_taken(name: &str) -> String {
    format!(
        "The contact name {name} is already assigned to another contact. The contact name must be unique across all active contacts."
    )
}

pub(crate) fn account_not_usable(code: &str) -> String {
    format!("Account code '{code}' is not a valid code for this document.")
}

pub(crate) fn account_archived(code: &str) -> String {
    format!(
        "Account code '{code}' has been archived, or has been deleted. Each line item must reference a valid account."
    )
}

pub(crate) fn account_removed(code: &str) -> String {
    format!("Account code '{code}' has been removed as it does not match a recognised account.")
}

pub(crate) fn tax_unknown(tax_type: &str) -> String {
    format!(
        "The TaxType code {tax_type} does not exist or cannot be used for this type of transaction."
    )
}

pub(crate) fn tax_not_for_account(tax_type: &str, account: &str) -> String {
    format!("The TaxType code '{tax_type}' cannot be used with account code '{account}'.")
}

pub(crate) fn line_total(given: &str, expected: &str) -> String {
    format!("The line total {given} does not match the expected line total {expected}")
}

pub(crate) fn currency_not_subscribed(code: &str) -> String {
    format!("Organisation is not subscribed to currency {code}")
}

pub(crate) fn before_period_lock(lock: Date) -> String {
    format!(
        "The document date cannot be before the period lock date, currently set at {}",
        lock_date(lock)
    )
}

pub(crate) fn before_year_lock(lock: Date) -> String {
    format!(
        "The document date cannot be before the end of year lock date, currently set at {}",
        lock_date(lock)
    )
}

pub(crate) const DATED_BEFORE_YEAR_LOCK: &str =
    "The document cannot be edited as it is currently dated before the end of year lock date";
pub(crate) const DATED_BEFORE_PERIOD_LOCK: &str =
    "The document cannot be edited as it is currently dated before the period lock date";

pub(crate) fn no_data(expected: &str) -> String {
    format!(
        "No data has been processed for this endpoint. This endpoint is expecting {expected} data to be specifed in the request body."
    )
}

pub(crate) fn key_reused(key: &str) -> String {
    format!("Idempotency Key: {key} is used with a different request.")
}

// Rules whose wording nobody has published.

pub(crate) const ALLOCATION_WRONG_SIDE: &str =
    "Credit Note cannot be allocated to an incorrect invoice type";
pub(crate) const ALLOCATION_OF_UNAPPROVED: &str =
    "Allocations can only be made from Authorised Credit Notes";
pub(crate) const ALLOCATION_TO_UNAPPROVED: &str =
    "Allocations can only be made to Authorised invoices";
pub(crate) const ALLOCATION_OTHER_CONTACT: &str =
    "The contacts of the Credit Note and the invoice do not match";
pub(crate) const ALLOCATION_OTHER_CURRENCY: &str =
    "The currencies of the Credit Note and the invoice do not match";
pub(crate) const ALLOCATION_WITHOUT_AMOUNT: &str =
    "The allocation amount must be greater than zero";
pub(crate) const ALLOCATION_WITHOUT_INVOICE: &str = "An invoice to allocate to must be specified";
pub(crate) const PAYMENT_OF_WHAT: &str =
    "Exactly one of Invoice, CreditNote, Prepayment and Overpayment must be specified";
pub(crate) const PAYMENT_OF_OTHER: &str =
    "The specified Prepayment or Overpayment could not be found";
pub(crate) const PAYMENT_WITHOUT_AMOUNT: &str = "The payment amount must be greater than zero";
pub(crate) const PAYMENT_WITHOUT_DATE: &str = "The payment date must be specified";
pub(crate) const PAYMENT_RECONCILED: &str =
    "This payment has been reconciled and cannot be deleted";
pub(crate) const PAYMENT_DELETED: &str = "Payment not of valid status for modification";
pub(crate) const NO_SUCH_JOURNAL: &str =
    "An existing Manual Journal with the specified ManualJournalID could not be found";
pub(crate) const JOURNAL_NOT_MODIFIABLE: &str =
    "Manual Journal not of valid status for modification";
pub(crate) const JOURNAL_BAD_STATUS: &str = "Manual Journal not of valid status for creation";
pub(crate) const NO_NARRATION: &str = "Narration must be specified";
pub(crate) const TOO_FEW_JOURNAL_LINES: &str = "At least two journal lines must be specified";
pub(crate) const NO_JOURNAL_AMOUNT: &str = "LineAmount must be specified";
pub(crate) const URL_INVALID: &str = "Url must be absolute and must not contain the word xero";
pub(crate) const CURRENCY_IS_FIXED: &str = "The currency of an approved document cannot be changed";
pub(crate) const NEGATIVE_TOTAL: &str = "The document total cannot be negative";
pub(crate) const NO_DESCRIPTION: &str = "Description must be specified";
pub(crate) const DESCRIPTION_TOO_LONG: &str =
    "Description is too long. Maximum of 4000 characters allowed";
pub(crate) const TOO_MUCH_TRACKING: &str = "A line item can have at most 2 tracking categories";
pub(crate) const UNUSUAL_RATE: &str = "The currency rate is unusual compared with the day's rate";
pub(crate) const KEY_TOO_LONG: &str = "Idempotency Key is longer than 128 characters";
pub(crate) const NAME_INVALID: &str = "The contact name contains invalid characters";

pub(crate) fn too_long(field: &str, max: usize) -> String {
    format!("{field} is too long. Maximum of {max} characters allowed")
}

pub(crate) fn item_invalid(code: &str) -> String {
    format!("Item code '{code}' is not valid")
}

/// The deep link of a document must be absolute and must not name Xero.
pub(crate) fn check_url(url: &str, found: &mut Findings) {
    let absolute = url::Url::parse(url).is_ok_and(|it| it.has_host());
    if !url.is_empty() && (!absolute || url.to_ascii_lowercase().contains("xero")) {
        found.error(URL_INVALID);
    }
}
