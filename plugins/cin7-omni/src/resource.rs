//! The lists of the API, and what of them is a stream.

use ledgerline_plugin_api::sdk::{Error, Result};

use crate::settings::Settings;

/// A stream and the list that it is read from.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Resource {
    /// Name of the stream.
    pub(crate) stream: &'static str,
    /// Path of the list below `/api/v1/`.
    pub(crate) list: &'static str,
    /// For people, in the singular.
    pub(crate) title: &'static str,
    /// Condition that every read of the stream carries.
    only: Option<&'static str>,
    /// Whether rows without an invoice date are no documents of the books yet.
    invoiced: bool,
    /// Whether documents that were last changed before the start date are of no use. A contact is
    /// needed however long it stood unchanged.
    pub(crate) from_start_date: bool,
    /// Whether rows say when they were changed last. A list that does not is read wholly.
    pub(crate) dated: bool,
    /// Whether rows are deleted without leaving a trace, and somebody has to know.
    pub(crate) swept: bool,
    /// What can be written.
    pub(crate) written: Written,
}

/// What of a stream can be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Written {
    Nothing,
    /// The accounting status of documents that exist.
    Status,
    /// Whole payments.
    Payments,
}

/// What most lists are like.
const PLAIN: Resource = Resource {
    stream: "",
    list: "",
    title: "",
    only: None,
    invoiced: false,
    from_start_date: false,
    dated: true,
    swept: false,
    written: Written::Nothing,
};

/// Documents whose accounting status is kept in Omni.
const DOCUMENT: Resource = Resource {
    from_start_date: true,
    written: Written::Status,
    ..PLAIN
};

const CONTACTS: &str = "Contacts";

static RESOURCES: [Resource; 9] = [
    Resource {
        stream: "customers",
        list: CONTACTS,
        title: "customer",
        only: Some("type='Customer'"),
        ..PLAIN
    },
    Resource {
        stream: "suppliers",
        list: CONTACTS,
        title: "supplier",
        only: Some("type='Supplier'"),
        ..PLAIN
    },
    Resource {
        stream: "credit_notes",
        list: "CreditNotes",
        title: "credit note",
        ..DOCUMENT
    },
    Resource {
        stream: "sales_orders",
        list: "SalesOrders",
        title: "sales order",
        invoiced: true,
        ..DOCUMENT
    },
    Resource {
        stream: "purchase_orders",
        list: "PurchaseOrders",
        title: "purchase order",
        ..DOCUMENT
    },
    Resource {
        stream: "adjustments",
        list: "Adjustments",
        title: "stock adjustment",
        from_start_date: true,
        ..PLAIN
    },
    Resource {
        stream: "payments",
        list: "Payments",
        title: "payment",
        from_start_date: true,
        swept: true,
        written: Written::Payments,
        ..PLAIN
    },
    Resource {
        stream: "products",
        list: "Products",
        title: "product",
        ..PLAIN
    },
    Resource {
        stream: "branches",
        list: "Branches",
        title: "branch",
        dated: false,
        ..PLAIN
    },
];

impl Resource {
    /// The stream's resource.
    pub(crate) fn of(stream: &str) -> Result<&'static Self> {
        let found = RESOURCES.iter().find(|it| it.stream == stream);
        found.ok_or_else(|| Error::unsupported(format!("Cin7 Omni has no stream `{stream}` here")))
    }

    /// All streams' resources.
    pub(crate) fn all() -> impl Iterator<Item = &'static Self> {
        RESOURCES.iter()
    }

    /// Conditions that every read of the stream carries.
    pub(crate) fn conditions(&self, settings: &Settings) -> impl Iterator<Item = &'static str> {
        let open_left_out = self.invoiced && !settings.reads_open_orders();
        let invoiced = open_left_out.then_some("invoiceDate IS NOT NULL");
        self.only.into_iter().chain(invoiced)
    }
}

#[cfg(test)]
mod tests {
    use ledgerline_plugin_api::abi::Status;

    use super::*;

    #[test]
    fn streams_are_lists_with_conditions() {
        let cases = [
            ("customers", "{}", "Contacts", vec!["type='Customer'"]),
            ("credit_notes", "{}", "CreditNotes", vec![]),
            (
                "sales_orders",
                "{}",
                "SalesOrders",
                vec!["invoiceDate IS NOT NULL"],
            ),
            (
                "sales_orders",
                r#"{"open-orders": "read"}"#,
                "SalesOrders",
                vec![],
            ),
            ("purchase_orders", "{}", "PurchaseOrders", vec![]),
        ];
        for (stream, settings, list, conditions) in cases {
            let settings: Settings = serde_json::from_str(settings).unwrap();
            let resource = Resource::of(stream).unwrap();
            assert_eq!(resource.list, list, "{stream}");
            let actual: Vec<_> = resource.conditions(&settings).collect();
            assert_eq!(actual, conditions, "{stream}");
        }
        assert_eq!(
            Resource::of("quotes").unwrap_err().status,
            Status::UNSUPPORTED
        );
    }
}
