//! The resources that an account holds, and what sort each is of.
//!
//! Two are held that no call of the API tells: supplier credit notes and landed costs. They are
//! seen in exports alone.

use super::fields::{
    ADJUSTMENT, ADJUSTMENT_READ_ONLY, BRANCH, CONTACT, CONTACT_READ_ONLY, CREDIT_NOTE, DOCUMENT,
    DOCUMENT_READ_ONLY, LANDED_COST, ORDER, PAYMENT, PAYMENT_READ_ONLY, PRODUCT, PRODUCT_OPTION,
    PURCHASE_ORDER, ROW_READ_ONLY, SALES_ORDER, SUPPLIER_CREDIT_NOTE, USER,
};

/// What rules a row follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sort {
    SalesOrder,
    PurchaseOrder,
    CreditNote,
    SupplierCreditNote,
    LandedCost,
    Adjustment,
    Payment,
    Contact,
    Product,
    ProductOption,
    /// Rows that no call writes.
    Fixed,
}

impl Sort {
    /// Whether it has lines, freight and the like that make up a `total`.
    pub(crate) fn totalled(self) -> bool {
        match self {
            Self::SalesOrder
            | Self::PurchaseOrder
            | Self::CreditNote
            | Self::SupplierCreditNote => true,
            Self::LandedCost
            | Self::Adjustment
            | Self::Payment
            | Self::Contact
            | Self::Product
            | Self::ProductOption
            | Self::Fixed => false,
        }
    }

    /// Whether rows are stock documents with a `reference` that Omni assigns.
    pub(crate) fn referenced(self) -> bool {
        self.totalled() || self == Self::Adjustment
    }

    /// The date that says that the goods of all lines have moved.
    pub(crate) fn moved_date(self) -> Option<&'static str> {
        match self {
            Self::SalesOrder => Some("dispatchedDate"),
            Self::PurchaseOrder => Some("fullyReceivedDate"),
            _ => None,
        }
    }

    /// The field that no two rows share.
    pub(crate) fn unique(self) -> Option<&'static str> {
        match self {
            Self::Contact => Some("email"),
            Self::Product => Some("styleCode"),
            Self::ProductOption => Some("productOptionCode"),
            _ if self.referenced() => Some("reference"),
            _ => None,
        }
    }
}

/// One resource.
pub(crate) struct Resource {
    pub(crate) name: &'static str,
    pub(crate) sort: Sort,
    /// Header fields, which `where` and `order` may name.
    pub(crate) fields: &'static [&'static [&'static str]],
    /// Fields that a write leaves as they are.
    pub(crate) read_only: &'static [&'static str],
    /// The calls that exist beside GET; `GET` itself is missing where no call tells the rows.
    pub(crate) methods: &'static [&'static str],
    /// The field that results call `code`.
    pub(crate) code: &'static str,
}

impl Resource {
    /// The resource of this name.
    pub(crate) fn of(name: &str) -> Option<&'static Self> {
        RESOURCES
            .iter()
            .find(|it| it.name.eq_ignore_ascii_case(name))
    }

    /// The field of this name, whatever its case.
    pub(crate) fn field(&self, name: &str) -> Option<&'static str> {
        self.fields
            .iter()
            .copied()
            .flatten()
            .find(|it| it.eq_ignore_ascii_case(name))
            .copied()
    }

    /// Whether the API has this call.
    pub(crate) fn has(&self, method: &str) -> bool {
        self.methods.contains(&method)
    }
}

const HIDDEN: &[&str] = &[];
const READ: &[&str] = &["GET"];
const WRITE: &[&str] = &["GET", "POST", "PUT"];
const DELETE: &[&str] = &["GET", "POST", "PUT", "DELETE"];

static RESOURCES: [Resource; 12] = [
    Resource {
        name: "CreditNotes",
        sort: Sort::CreditNote,
        fields: &[DOCUMENT, CREDIT_NOTE],
        read_only: DOCUMENT_READ_ONLY,
        methods: WRITE,
        code: "reference",
    },
    Resource {
        name: "SalesOrders",
        sort: Sort::SalesOrder,
        fields: &[DOCUMENT, ORDER, SALES_ORDER],
        read_only: DOCUMENT_READ_ONLY,
        methods: WRITE,
        code: "reference",
    },
    Resource {
        name: "PurchaseOrders",
        sort: Sort::PurchaseOrder,
        fields: &[DOCUMENT, ORDER, PURCHASE_ORDER],
        read_only: DOCUMENT_READ_ONLY,
        methods: WRITE,
        code: "reference",
    },
    Resource {
        name: "Payments",
        sort: Sort::Payment,
        fields: &[PAYMENT],
        read_only: PAYMENT_READ_ONLY,
        methods: DELETE,
        code: "transactionRef",
    },
    Resource {
        name: "Adjustments",
        sort: Sort::Adjustment,
        fields: &[ADJUSTMENT],
        read_only: ADJUSTMENT_READ_ONLY,
        methods: WRITE,
        code: "reference",
    },
    Resource {
        name: "Contacts",
        sort: Sort::Contact,
        fields: &[CONTACT],
        read_only: CONTACT_READ_ONLY,
        methods: DELETE,
        code: "company",
    },
    Resource {
        name: "Products",
        sort: Sort::Product,
        fields: &[PRODUCT],
        read_only: ROW_READ_ONLY,
        methods: WRITE,
        code: "styleCode",
    },
    Resource {
        name: "ProductOptions",
        sort: Sort::ProductOption,
        fields: &[PRODUCT_OPTION],
        read_only: ROW_READ_ONLY,
        methods: WRITE,
        code: "productOptionCode",
    },
    Resource {
        name: "Branches",
        sort: Sort::Fixed,
        fields: &[BRANCH],
        read_only: &[],
        methods: READ,
        code: "company",
    },
    Resource {
        name: "Users",
        sort: Sort::Fixed,
        fields: &[USER],
        read_only: &[],
        methods: READ,
        code: "email",
    },
    Resource {
        name: "SupplierCreditNotes",
        sort: Sort::SupplierCreditNote,
        fields: &[DOCUMENT, SUPPLIER_CREDIT_NOTE],
        read_only: DOCUMENT_READ_ONLY,
        methods: HIDDEN,
        code: "reference",
    },
    Resource {
        name: "LandedCosts",
        sort: Sort::LandedCost,
        fields: &[LANDED_COST],
        read_only: ROW_READ_ONLY,
        methods: HIDDEN,
        code: "purchaseOrder",
    },
];
