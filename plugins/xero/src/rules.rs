//! Xero's refusals, recognised by fragments of their words.
//!
//! Punctuation, quoting and the names inside vary by endpoint and by year, so a rule holds fragments
//! of the [normalised](crate::classify::normalise) text and never the whole sentence. The first rule
//! whose fragments all occur decides. `{}` in the words for people stands for the first quoted value
//! of the message and vanishes where there is none.

use ledgerline_plugin_api::manifest::Category;

/// What a refusal means.
#[derive(Debug)]
pub(crate) struct Rule {
    pub(crate) fragments: &'static [&'static str],
    pub(crate) category: Category,
    pub(crate) cause: &'static str,
    pub(crate) remedy: &'static str,
}

const fn rule(
    fragments: &'static [&'static str],
    category: Category,
    cause: &'static str,
    remedy: &'static str,
) -> Rule {
    Rule {
        fragments,
        category,
        cause,
        remedy,
    }
}

const MEND_HERE: &str =
    "Nothing in the books needs changing: report this with the document and Xero's words";

/// Rules in the order in which they are tried; the narrower of two that overlap comes first.
pub(crate) static RULES: &[Rule] = &[
    rule(
        &["lock date"],
        Category::LockedPeriod,
        "the document is dated in a period that is locked in Xero",
        "Move the lock date in Xero, or give the document a date in an open period at its source",
    ),
    // --- the document in Xero stands in the way
    rule(
        &["not of valid status for modification"],
        Category::DocumentState,
        "the document in Xero is voided, deleted or paid, or its status does not allow this change",
        "Look at the document in Xero; reopen it there, or skip this one",
    ),
    rule(
        &["allocated to it"],
        Category::DocumentState,
        "payments or credits are applied to the document in Xero",
        "Remove the payments and allocations in Xero, then retry",
    ),
    rule(
        &["created by xero expenses"],
        Category::DocumentState,
        "the document was made by Xero Expenses, which alone may change it",
        "Change it in Xero Expenses, or skip this one",
    ),
    rule(
        &["payments can only be made against authorised documents"],
        Category::DocumentState,
        "the document in Xero is not approved, or is paid or voided already",
        "Approve the document in Xero, or skip the payment",
    ),
    rule(
        &["payments within a batch cannot be deleted"],
        Category::DocumentState,
        "the payment belongs to a batch payment in Xero",
        "Delete the batch payment in Xero, then retry",
    ),
    rule(
        &["has been reconciled"],
        Category::DocumentState,
        "the entry is reconciled with a bank statement in Xero",
        "Undo the reconciliation in Xero, then retry",
    ),
    rule(
        &["has already been paid off"],
        Category::DocumentState,
        "nothing is left to pay on the invoice in Xero",
        "Remove a payment in Xero, or refund the credit instead",
    ),
    rule(
        &["spend money transactions cannot be updated"],
        Category::DocumentState,
        "Xero no longer lets this spend money transaction be changed",
        "Change it in Xero, or skip this one",
    ),
    rule(
        &["purchaseorder status change is invalid"],
        Category::DocumentState,
        "the purchase order in Xero cannot go from its status to this one",
        "Look at the purchase order in Xero",
    ),
    rule(
        &["deleted purchaseorders cannot be updated"],
        Category::DocumentState,
        "the purchase order was deleted in Xero",
        "Skip this one, or make a new purchase order at the source",
    ),
    rule(
        &["an existing", "could not be found"],
        Category::DocumentState,
        "Xero does not hold the document that this one is linked to",
        "Check that the connection reaches the right organisation, then link the document anew",
    ),
    rule(
        &["document with the supplied id was not found"],
        Category::DocumentState,
        "Xero does not hold the document that this one is linked to",
        "Check that the connection reaches the right organisation, then link the document anew",
    ),
    // --- contacts
    rule(
        &["the status 'archived' is not valid for contacts"],
        Category::Contact,
        "a new contact cannot be archived from the start",
        "Set the contact to active at the source, or leave it out",
    ),
    rule(
        &["account code", "has been archived"],
        Category::Mapping,
        "account {} is archived or deleted in Xero",
        "Restore account {} in Xero, or map to another account",
    ),
    rule(
        &["contact", "archived"],
        Category::Contact,
        "the contact is archived in Xero",
        "Restore the contact in Xero, or link to another contact",
    ),
    rule(
        &["email address must be valid"],
        Category::Contact,
        "Xero does not accept the contact's e-mail address",
        "Correct the e-mail address at the source: one address, no special letters",
    ),
    rule(
        &["website must be valid"],
        Category::Contact,
        "Xero does not accept the contact's website",
        "Correct the website of the contact in Xero",
    ),
    rule(
        &["additional people cannot be added"],
        Category::Contact,
        "further people cannot be added to a contact that has no e-mail address",
        "Enter an e-mail address for the contact at the source",
    ),
    // --- accounts, taxes, items, tracking, currencies
    rule(
        &["no active tracking category"],
        Category::Mapping,
        "the tracking category {} is not active in Xero",
        "Add the tracking category in Xero, spelled the same, or correct the mapping",
    ),
    rule(
        &["unknown tracking details"],
        Category::Mapping,
        "a tracking category or option is not active in Xero",
        "Add the tracking category and option in Xero, spelled the same, or correct the mapping",
    ),
    rule(
        &["account code or id must be specified"],
        Category::Mapping,
        "a line has no account, which Xero wants on an approved document",
        "Map the line to an account",
    ),
    rule(
        &["account code must be specified"],
        Category::Mapping,
        "a line has no account, which Xero wants on an approved document",
        "Map the line to an account",
    ),
    rule(
        &["taxtype field is mandatory"],
        Category::Mapping,
        "a line has no tax type, or no account to take it from",
        "Map the line to an account and a tax type",
    ),
    rule(
        &["is not a valid code for this document"],
        Category::Mapping,
        "account {} does not exist in Xero or cannot stand on this kind of document",
        "Map to an ordinary account: no bank, receivable, payable or stock tracking account",
    ),
    rule(
        &["account code", "has been removed"],
        Category::Mapping,
        "Xero saved the draft without account {}, which it does not know",
        "Choose the account on the draft in Xero, and correct the mapping",
    ),
    rule(
        &["account must be valid"],
        Category::Mapping,
        "Xero does not accept the account of a line",
        "Check the line's account in Xero, and that its unit amount is not extremely small",
    ),
    rule(
        &["tax rate must be valid"],
        Category::Mapping,
        "Xero does not accept the tax rate of a line",
        "Check the line's tax rate in Xero, and that its unit amount is not extremely small",
    ),
    rule(
        &["taxtype code", "cannot be used with account code"],
        Category::Mapping,
        "tax type {} cannot be used with the account of its line",
        "Map to a tax type made for this class of account, or to another account",
    ),
    rule(
        &["taxtype code", "does not exist or cannot be used"],
        Category::Mapping,
        "tax type {} does not exist in Xero or does not fit this kind of document",
        "Map to the code of a tax rate of this organisation, not to its name",
    ),
    rule(
        &["item code", "is not valid"],
        Category::Mapping,
        "Xero has no item {} for this kind of document",
        "Create the item in Xero, or send the line without an item",
    ),
    rule(
        &["not subscribed to currency"],
        Category::Mapping,
        "the organisation does not subscribe to the document's currency {}",
        "Add the currency in Xero; its plan must allow foreign currencies",
    ),
    rule(
        &["account could not be found"],
        Category::Mapping,
        "Xero does not know the account of the payment",
        "Map the payment to an account that exists",
    ),
    rule(
        &["account type is invalid for making a payment"],
        Category::Mapping,
        "payments are not enabled on the account",
        "Enable payments on the account in Xero, or map to a bank account",
    ),
    rule(
        &["bank account is archived"],
        Category::Mapping,
        "the bank account is archived in Xero",
        "Restore the bank account in Xero, or map to another",
    ),
    rule(
        &["bank accounts must use the same currency"],
        Category::Mapping,
        "the bank account is not in the organisation's base currency",
        "Map to a bank account in the base currency",
    ),
    rule(
        &["do not match a known bank account"],
        Category::Mapping,
        "Xero does not know the bank account",
        "Map to a bank account that exists",
    ),
    rule(
        &["cannot be applied to items"],
        Category::Mapping,
        "account {} does not exist in Xero or cannot be used for items",
        "Map the items to another account",
    ),
    // --- amounts
    rule(
        &["does not match the expected line total"],
        Category::Amount,
        "a line's amount is not its quantity times its unit amount",
        "Correct the line at the source, or map either the unit amount or the line amount alone",
    ),
    rule(
        &["tax amount cannot be greater than the line amount"],
        Category::Amount,
        "the tax of a line is larger than the line itself",
        "Correct the tax at the source",
    ),
    rule(
        &["must not be equal to zero"],
        Category::Amount,
        "a line has a unit amount of zero where Xero allows none",
        "Correct the line at the source, or leave lines of zero out",
    ),
    rule(
        &["must not be less than zero"],
        Category::Amount,
        "a line has a negative quantity, which Xero refuses",
        "Map such lines with the quantity 1 and a negative unit amount",
    ),
    rule(
        &["exceeds the amount outstanding"],
        Category::Amount,
        "the payment is larger than what is outstanding in Xero",
        "Pay less, or book the rest as an overpayment",
    ),
    rule(
        &["amount is greater than amount outstanding"],
        Category::Amount,
        "the credit is larger than what is outstanding in Xero",
        "Allocate less, after looking at what is allocated already",
    ),
    rule(
        &["total debits"],
        Category::Amount,
        "the debits and credits of the journal are not equal",
        "Correct the journal at the source",
    ),
    // --- already there
    rule(
        &["# must be unique"],
        Category::Duplicate,
        "Xero already holds a document with this number",
        "Compare the two: adopt the one in Xero if it is the same, else give this one another number",
    ),
    rule(
        &["order number must be unique"],
        Category::Duplicate,
        "Xero already holds a purchase order with this number",
        "Compare the two: adopt the one in Xero if it is the same, else give this one another number",
    ),
    rule(
        &["assigned to another contact"],
        Category::Duplicate,
        "Xero already has an active contact with this name",
        "Link to that contact, or rename one of the two",
    ),
    rule(
        &["existing contact with that name"],
        Category::Duplicate,
        "Xero already has a contact with this name",
        "Link to that contact, or rename one of the two",
    ),
    rule(
        &["contact name already exists"],
        Category::Duplicate,
        "Xero already has a contact with this name",
        "Link to that contact, or rename one of the two",
    ),
    rule(
        &["another contact has this contact number"],
        Category::Duplicate,
        "another contact in Xero, perhaps an archived one, has this contact number",
        "Link to that contact",
    ),
    rule(
        &["price list item with code", "already exists"],
        Category::Duplicate,
        "Xero already has an item {}",
        "Link to that item",
    ),
    rule(
        &["please enter a unique"],
        Category::Duplicate,
        "Xero already has one with this name or code",
        "Use the one in Xero, or choose another name",
    ),
    // --- plan, permission
    rule(
        &["you have reached the limit of invoices"],
        Category::Permission,
        "the organisation's Xero plan allows no more approved documents this month",
        "Wait for the next month, or change the plan in Xero",
    ),
    rule(
        &["reached the limit"],
        Category::Permission,
        "a limit of the organisation in Xero is reached",
        "Make room in Xero, or change its plan",
    ),
    rule(
        &["does not have the correct permissions"],
        Category::Permission,
        "the person who connected Xero may not do this",
        "Give that person the role in Xero, or connect again as somebody who has it",
    ),
    rule(
        &["a valid user should be identified"],
        Category::Permission,
        "the person who connected Xero is no longer a user of the organisation",
        "Connect again as a current user",
    ),
    // --- ours to mend
    rule(
        &["contact must contain at least 1 of the following elements"],
        Category::Defect,
        "the contact was sent to Xero without anything that identifies it",
        MEND_HERE,
    ),
    rule(
        &["contact must be specified for this type of transaction"],
        Category::Defect,
        "the document was sent to Xero without a contact",
        MEND_HERE,
    ),
    rule(
        &["contact cannot be empty"],
        Category::Defect,
        "the contact was sent to Xero without a name",
        MEND_HERE,
    ),
    rule(
        &["paid to name cannot be empty"],
        Category::Defect,
        "the contact was sent to Xero without a name",
        MEND_HERE,
    ),
    rule(
        &["one or more line items must be specified"],
        Category::Defect,
        "the document was sent to Xero without lines",
        "Check that the document has lines at its source; if it has, report this",
    ),
    rule(
        &["duedate field must be specified"],
        Category::Defect,
        "the document was sent to Xero without a due date",
        "Map the due date",
    ),
    rule(
        &["not of valid status for creation"],
        Category::Defect,
        "the document was sent to Xero with a status that a new one cannot have",
        "Map the status to DRAFT, SUBMITTED or AUTHORISED",
    ),
    rule(
        &["not of valid type for creation"],
        Category::Defect,
        "the document was sent to the wrong place in Xero for its type",
        MEND_HERE,
    ),
    rule(
        &["you must supply a lineitemid"],
        Category::Defect,
        "lines of a paid document were sent to Xero without their ids",
        MEND_HERE,
    ),
    rule(
        &["may have senttocontact updated"],
        Category::Defect,
        "only approved documents can be marked as sent",
        "Leave SentToContact out of the mapping",
    ),
    rule(
        &["must specify an account code or account id for the payment"],
        Category::Defect,
        "the payment was sent to Xero without an account",
        "Map the payment to an account",
    ),
    rule(
        &["cannot be allocated to an incorrect invoice"],
        Category::Defect,
        "a credit was allocated to an invoice of the other side",
        MEND_HERE,
    ),
    rule(
        &["an error occurred in xero"],
        Category::Defect,
        "Xero could not process what was sent",
        "Retry once; if it stays, report this with the document",
    ),
    rule(
        &["type field is not valid for an update"],
        Category::Defect,
        "a bank transaction of this type cannot be updated",
        MEND_HERE,
    ),
    rule(
        &["account code is too long"],
        Category::Defect,
        "the account code has more than 10 characters",
        "Shorten the account code",
    ),
    rule(
        &["do not match"],
        Category::Defect,
        "ids that were sent to Xero together do not belong together",
        MEND_HERE,
    ),
    rule(
        &["used with a different request"],
        Category::Defect,
        "a call was repeated with other content under the same idempotency key",
        MEND_HERE,
    ),
    rule(
        &["no data has been processed"],
        Category::Defect,
        "Xero found nothing that it knows in what was sent",
        MEND_HERE,
    ),
    rule(
        &["was not recognised"],
        Category::Defect,
        "Xero does not know a field that was sent: {}",
        MEND_HERE,
    ),
    rule(
        &["json for post data was invalid"],
        Category::Defect,
        "Xero could not read what was sent",
        MEND_HERE,
    ),
    rule(
        &["error converting value"],
        Category::Defect,
        "a value that was sent to Xero has the wrong type",
        MEND_HERE,
    ),
    rule(
        &["could not convert string to datetime"],
        Category::Defect,
        "a date that was sent to Xero is none",
        MEND_HERE,
    ),
];
