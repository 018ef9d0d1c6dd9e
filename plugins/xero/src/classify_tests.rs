use Category::{
    Amount, Contact, Defect, DocumentState, Duplicate, LockedPeriod, Mapping, Permission,
};

use super::*;

/// The messages that are known, word for word, with what they must be taken for.
const KNOWN: &[(&str, Category)] = &[
    // Contacts.
    (
        "The contact name X is already assigned to another contact. The contact name must be unique across all active contacts.",
        Duplicate,
    ),
    (
        "The existing contact with name \"A\" cannot be updated to use new name \"B\". There is an existing contact with that name.",
        Duplicate,
    ),
    (
        "The Contact Name already exists. Please enter a different Contact Name.",
        Duplicate,
    ),
    (
        "Another contact has this contact number. Please enter a different contact number.",
        Duplicate,
    ),
    (
        "The specified contact details matched an archived contact. Archived contacts cannot currently be edited via the API.",
        Contact,
    ),
    (
        "The contact with the specified contact details has been archived. The contact must be un-archived before creating new invoices or credit notes.",
        Contact,
    ),
    (
        "The Contact must contain at least 1 of the following elements to identify the contact: Name, ContactID, ContactNumber",
        Defect,
    ),
    (
        "A Contact must be specified for this type of transaction",
        Defect,
    ),
    ("Email address must be valid.", Contact),
    ("Website must be valid", Contact),
    (
        "Additional people cannot be added when the primary person has no email address set.",
        Contact,
    ),
    ("The status 'ARCHIVED' is not valid for contacts", Contact),
    (
        "There is no ACTIVE tracking category with the name ''",
        Mapping,
    ),
    ("Contact cannot be empty.", Defect),
    ("Paid to name cannot be empty.", Defect),
    // Invoices, bills, credit notes.
    ("Invoice # must be unique.", Duplicate),
    ("Credit Note # must be unique.", Duplicate),
    ("One or more line items must be specified", Defect),
    ("The document DueDate field must be specified.", Defect),
    ("The document DueDate field must be specified", Defect),
    ("Account code or ID must be specified", Mapping),
    ("Account code must be specified", Mapping),
    ("The TaxType field is mandatory", Mapping),
    (
        "Account code '270' is not a valid code for this document.",
        Mapping,
    ),
    (
        "Account code '270' has been archived, or has been deleted. Each line item must reference a valid account.",
        Mapping,
    ),
    ("Account must be valid.", Mapping),
    ("Tax rate must be valid.", Mapping),
    (
        "Account code '270' has been removed as it does not match a recognised account.",
        Mapping,
    ),
    (
        "Account code ''270'' has been removed as it does not match a recognised account.",
        Mapping,
    ),
    (
        "The TaxType code GST does not exist or cannot be used for this type of transaction.",
        Mapping,
    ),
    (
        "The TaxType code 'OUTPUT' cannot be used with account code '310'.",
        Mapping,
    ),
    ("Item code 'W-1' is not valid", Mapping),
    ("Organisation is not subscribed to currency EUR", Mapping),
    (
        "The current organisation is not subscribed to currency 'EUR'.",
        Mapping,
    ),
    (
        "Unknown tracking details. A Tracking Category did not match a known Active TrackingCategory",
        Mapping,
    ),
    (
        "The line total 1.00 does not match the expected line total 100.00",
        Amount,
    ),
    (
        "The tax amount cannot be greater than the line amount",
        Amount,
    ),
    (
        "The UnitAmount value \"0.0000\" is invalid. UnitAmount must not be equal to zero",
        Amount,
    ),
    (
        "The quantity value '-1.0000' is invalid. Quantity must not be less than zero.",
        Amount,
    ),
    ("Invoice not of valid status for creation", Defect),
    ("Invoice not of valid type for creation", Defect),
    (
        "Invoice not of valid status for modification",
        DocumentState,
    ),
    (
        "Credit Note not of valid status for modification",
        DocumentState,
    ),
    (
        "This document cannot be edited as it has a payment or credit note allocated to it.",
        DocumentState,
    ),
    (
        "The status VOIDED cannot be applied to the invoice because it has payments or credit notes allocated to it.",
        DocumentState,
    ),
    (
        "Date cannot be changed on an invoice that has payment or credit notes allocated to it.",
        DocumentState,
    ),
    (
        "To update fields on a paid invoice line item, you must supply a LineItemID",
        Defect,
    ),
    (
        "The document date cannot be before the period lock date, currently set at 30-Nov-2018",
        LockedPeriod,
    ),
    (
        "The document date cannot be before the end of year lock date, currently set at 30-Nov-2018",
        LockedPeriod,
    ),
    (
        "The document cannot be edited as it is currently dated before the end of year lock date",
        LockedPeriod,
    ),
    (
        "The document cannot be edited as it is currently dated before the period lock date",
        LockedPeriod,
    ),
    (
        "An existing invoice with the specified ID could not be found",
        DocumentState,
    ),
    (
        "An existing Credit Note with the specified CreditNoteID could not be found",
        DocumentState,
    ),
    (
        "Only AUTHORISED invoices may have SentToContact updated.",
        Defect,
    ),
    (
        "You have reached the limit of invoices you can approve",
        Permission,
    ),
    (
        "Sorry this was created by Xero Expenses and can't be modified via the API",
        DocumentState,
    ),
    (
        "The User specified does not have the correct permissions to perform this action",
        Permission,
    ),
    (
        "A valid user should be identified using the UserID.",
        Permission,
    ),
    ("Order number must be unique", Duplicate),
    ("PurchaseOrder status change is invalid", DocumentState),
    ("Deleted PurchaseOrders cannot be updated", DocumentState),
    // Allocations, payments, bank transactions.
    (
        "Payment amount exceeds the amount outstanding on this document",
        Amount,
    ),
    (
        "Payments can only be made against Authorised documents",
        DocumentState,
    ),
    (
        "You must specify an Account code or Account ID for the payment.",
        Defect,
    ),
    ("Account could not be found", Mapping),
    ("Account type is invalid for making a payment to", Mapping),
    ("Account type is invalid for making a payment from", Mapping),
    ("Main bank account is archived and cannot be used", Mapping),
    ("Payments within a batch cannot be deleted.", DocumentState),
    (
        "This payment has been reconciled and cannot be deleted",
        DocumentState,
    ),
    (
        "Bank accounts must use the same currency as the organisations base currency",
        Mapping,
    ),
    (
        "The invoice you are trying to allocate to has already been paid off",
        DocumentState,
    ),
    (
        "Credit Note cannot be allocated as amount is greater than amount outstanding",
        Amount,
    ),
    (
        "Credit Note cannot be allocated to an incorrect invoice type",
        Defect,
    ),
    (
        "An error occurred in Xero. Check the API Status page http://status.developer.xero.com for current service status.",
        Defect,
    ),
    (
        "The Type field is not valid for an update. This must be either 'SPEND', 'RECEIVE'.",
        Defect,
    ),
    ("Spend money transactions cannot be updated", DocumentState),
    (
        "This transaction cannot be edited as it has been reconciled with a Bank Statement",
        DocumentState,
    ),
    (
        "The specified bank account details do not match a known bank account",
        Mapping,
    ),
    // Items, journals, accounts, other.
    ("Price List Item with Code 'W-1' already exists", Duplicate),
    (
        "Account code '270' does not exist or cannot be applied to Items.",
        Mapping,
    ),
    (
        "The total debits (100.00) must equal total credits (-10.00)",
        Amount,
    ),
    ("Please enter a unique Name.", Duplicate),
    ("Please enter a unique Code.", Duplicate),
    (
        "Account Code is too long. Maximum of 10 characters allowed",
        Defect,
    ),
    (
        "The document with the supplied id was not found for this endpoint.",
        DocumentState,
    ),
    (
        "The ContactID and the TargetTransaction ContactID do not match",
        Defect,
    ),
    (
        "The SourceLineItemID and SourceTransactionID do not match",
        Defect,
    ),
    (
        "You've reached the limit of 100 contact groups.",
        Permission,
    ),
    (
        "Idempotency Key: abc is used with a different request.",
        Defect,
    ),
    (
        "No data has been processed for this endpoint. This endpoint is expecting CreditNotes data to be specifed in the request body.",
        Defect,
    ),
    (
        "The element 'CreditNoots' was not recognised. Please check it",
        Defect,
    ),
    // Bodies that cannot be read.
    ("JSON for post data was invalid", Defect),
    (
        "Error converting value \"NO_TAX\" to type 'X'. Path 'CreditNotes[0].LineAmountTypes'",
        Defect,
    ),
    (
        "Could not convert string to DateTime: 20100510. Path 'CreditNotes[0].Date'",
        Defect,
    ),
];

fn complaint(words: &str) -> Complaint {
    Complaint {
        field: None,
        words: words.to_owned(),
    }
}

#[test]
fn every_known_message_has_its_class() {
    for (words, category) in KNOWN {
        let (problem, shown) = problem(&[complaint(words)]);
        assert_eq!(problem.category, *category, "{words}");
        assert_eq!(&shown, words);
        for text in [&problem.cause, &problem.remedy] {
            assert!(
                !text.is_empty() && !text.contains("{}") && !text.contains("  "),
                "{text}"
            );
        }
    }
}

#[test]
fn every_rule_is_reached_by_a_known_message() {
    for rule in RULES {
        let reached = KNOWN
            .iter()
            .any(|(words, _)| find(words).is_some_and(|it| std::ptr::eq(it, rule)));
        assert!(reached, "{:?}", rule.fragments);
    }
}

#[test]
fn punctuation_and_quotes_do_not_matter() {
    let variants = [
        "Account code \u{2018}270\u{2019} is not a valid code for this document",
        "  account code  ''270'' is not a valid\ncode for this document. ",
        "ACCOUNT CODE '270' IS NOT A VALID CODE FOR THIS DOCUMENT.",
    ];
    for words in variants {
        let (problem, _) = problem(&[complaint(words)]);
        assert_eq!(problem.category, Mapping, "{words}");
        assert_eq!(
            problem.cause,
            "account 270 does not exist in Xero or cannot stand on this kind of document"
        );
    }
}

#[test]
fn the_message_that_leaves_least_to_guess_decides() {
    let cases = [
        // messages, class
        (
            vec![
                "Payment amount exceeds the amount outstanding on this document",
                "Payments can only be made against Authorised documents",
            ],
            DocumentState,
        ),
        (
            vec![
                "Account code '270' is not a valid code for this document.",
                "The document date cannot be before the period lock date, currently set at 30-Nov-2018",
            ],
            LockedPeriod,
        ),
        (
            vec!["Invoice # must be unique.", "Email address must be valid."],
            Contact,
        ),
        (
            vec!["Something new", "Credit Note # must be unique."],
            Duplicate,
        ),
    ];
    for (words, category) in cases {
        let complaints: Vec<_> = words.iter().map(|it| complaint(it)).collect();
        let (problem, shown) = problem(&complaints);
        assert_eq!(problem.category, category, "{words:?}");
        assert_eq!(shown, words.join("\n"));
    }
}

#[test]
fn unknown_words_are_shown_as_they_are() {
    let (unknown, shown) = problem(&[complaint("The moon is full.")]);
    assert_eq!(unknown.category, Category::Unknown);
    assert_eq!(shown, "The moon is full.");
    assert_eq!(
        unknown.cause,
        "Xero refused the document: The moon is full."
    );

    let (silent, shown) = problem(&[]);
    assert_eq!(silent.category, Category::Unknown);
    assert_eq!(shown, "");
}

#[test]
fn messages_of_parts_are_collected_with_their_place() {
    let json = r#"{"ValidationErrors":[{"Message":"one"}],
        "Contact":{"ValidationErrors":[{"Message":"two"},{"Message":"one"}]},
        "LineItems":[{"ValidationErrors":[]},{"ValidationErrors":[{"Message":"three"}]}],
        "Account":[],"Payments":null,
        "Warnings":[{"Message":"careful"},"also as text"]}"#;
    let raw = RawValue::from_string(json.to_owned()).unwrap();
    let element = Object::read(&raw).unwrap();
    let found = complaints(&element);
    let found: Vec<_> = found
        .iter()
        .map(|it| (it.field.as_deref(), it.words.as_str()))
        .collect();
    assert_eq!(
        found,
        [
            (None, "one"),
            (Some("Contact"), "two"),
            (Some("LineItems.1"), "three")
        ]
    );
    assert_eq!(warnings(&element), ["careful", "also as text"]);
}

#[test]
fn apostrophes_open_no_quotes() {
    let cases = [
        ("can't use 'A B' here", Some("A B")),
        ("the status \"X\"", Some("X")),
        ("the name ''", None),
        ("don't", None),
        ("open 'end", None),
    ];
    for (words, expected) in cases {
        assert_eq!(first_quoted(words).as_deref(), expected, "{words}");
    }
}
