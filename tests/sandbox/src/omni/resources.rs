//! The resources that are served, and the fields that each is known by.

/// One resource.
pub(crate) struct Resource {
    pub(crate) name: &'static str,
    /// Header fields, which `where` and `order` may name.
    pub(crate) fields: &'static [&'static [&'static str]],
    /// Fields that a write leaves as they are.
    pub(crate) read_only: &'static [&'static str],
    /// Whether PUT and POST exist.
    pub(crate) writable: bool,
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
}

static RESOURCES: [Resource; 5] = [
    Resource {
        name: "CreditNotes",
        fields: &[DOCUMENT, CREDIT_NOTE],
        read_only: DOCUMENT_READ_ONLY,
        writable: true,
        code: "reference",
    },
    Resource {
        name: "SalesOrders",
        fields: &[DOCUMENT, SALES_ORDER],
        read_only: DOCUMENT_READ_ONLY,
        writable: true,
        code: "reference",
    },
    Resource {
        name: "Contacts",
        fields: &[CONTACT],
        read_only: &[
            "id",
            "createdDate",
            "modifiedDate",
            "accountingIntegrationId",
            "balanceOwing",
        ],
        writable: true,
        code: "company",
    },
    Resource {
        name: "Branches",
        fields: &[BRANCH],
        read_only: &[],
        writable: false,
        code: "company",
    },
    Resource {
        name: "Users",
        fields: &[USER],
        read_only: &[],
        writable: false,
        code: "email",
    },
];

const DOCUMENT_READ_ONLY: &[&str] = &[
    "id",
    "createdDate",
    "modifiedDate",
    "createdBy",
    "processedBy",
    "status",
    "currencySymbol",
    "currencyId",
    "source",
    "creditNoteNumber",
    "invoiceNumber",
    "modifiedCOGSDate",
];

const DOCUMENT: &[&str] = &[
    "id",
    "createdDate",
    "modifiedDate",
    "createdBy",
    "processedBy",
    "isApproved",
    "status",
    "reference",
    "memberId",
    "memberEmail",
    "firstName",
    "lastName",
    "company",
    "email",
    "phone",
    "mobile",
    "fax",
    "deliveryFirstName",
    "deliveryLastName",
    "deliveryCompany",
    "deliveryAddress1",
    "deliveryAddress2",
    "deliveryCity",
    "deliveryState",
    "deliveryPostalCode",
    "deliveryCountry",
    "billingFirstName",
    "billingLastName",
    "billingCompany",
    "billingAddress1",
    "billingAddress2",
    "billingCity",
    "billingPostalCode",
    "billingState",
    "billingCountry",
    "branchId",
    "branchEmail",
    "projectName",
    "trackingCode",
    "internalComments",
    "productTotal",
    "freightTotal",
    "freightDescription",
    "surcharge",
    "surchargeDescription",
    "discountTotal",
    "discountDescription",
    "total",
    "currencyCode",
    "currencyRate",
    "currencySymbol",
    "currencyId",
    "taxStatus",
    "taxRate",
    "source",
    "customFields",
    "accountingAttributes",
    "lineItems",
    "salesPersonId",
    "logisticsCarrier",
    "logisticsStatus",
    "modifiedCOGSDate",
];

const CREDIT_NOTE: &[&str] = &[
    "salesReference",
    "creditNoteNumber",
    "creditNoteDate",
    "completedDate",
    "alternativeAccountCode",
    "customerReport",
];

const SALES_ORDER: &[&str] = &[
    "stage",
    "costCenter",
    "alternativeTaxRate",
    "memberCostCenter",
    "memberAlternativeTaxRate",
    "estimatedDeliveryDate",
    "paymentTerms",
    "customerOrderNo",
    "voucherCode",
    "deliveryInstructions",
    "cancellationDate",
    "isVoid",
    "invoiceDate",
    "invoiceNumber",
    "dispatchedDate",
];

const CONTACT: &[&str] = &[
    "id",
    "createdDate",
    "modifiedDate",
    "type",
    "isActive",
    "company",
    "firstName",
    "lastName",
    "jobTitle",
    "email",
    "website",
    "phone",
    "fax",
    "mobile",
    "address1",
    "address2",
    "city",
    "state",
    "postCode",
    "country",
    "postalAddress1",
    "postalAddress2",
    "postalCity",
    "postalState",
    "postalPostCode",
    "postalCountry",
    "accountNumber",
    "accountsFirstName",
    "accountsLastName",
    "accountsPhone",
    "billingEmail",
    "billingId",
    "billingCompany",
    "billingCostCenter",
    "costCenter",
    "taxStatus",
    "taxNumber",
    "paymentTerms",
    "priceColumn",
    "percentageOff",
    "creditLimit",
    "balanceOwing",
    "onHold",
    "group",
    "subGroup",
    "stages",
    "salesPersonId",
    "notes",
    "integrationRef",
    "customFields",
    "secondaryContacts",
    "accountingIntegrationId",
];

const BRANCH: &[&str] = &[
    "id",
    "createdDate",
    "modifiedDate",
    "company",
    "branchType",
    "stockControlOptions",
    "email",
    "isActive",
    "accountNumber",
    "taxStatus",
    "address1",
    "city",
    "state",
    "postCode",
    "country",
    "branchLocations",
];

const USER: &[&str] = &[
    "id",
    "createdDate",
    "modifiedDate",
    "firstName",
    "lastName",
    "email",
    "isActive",
];
