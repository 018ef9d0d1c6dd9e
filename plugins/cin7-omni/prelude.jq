# What a document of Cin7 Omni means to the books. Bound as `cin7_omni::` in mappings and in this
# manifest; every function reads one document (or, where it says so, one value) and changes nothing.
#
# `$settings` are the settings of the Omni connection. Where Omni's own pages leave a question open,
# a setting answers it, and `problem` holds a document whose parts do not explain its total.

# --- values ---------------------------------------------------------------------------------------

def setting($name; $default):
  $settings[$name] as $value
  | if $value == null or $value == "" then $default else $value end;

# Text on one line without spaces at its ends; null when nothing is left.
def plain: one_line;

# Any field may be missing: nothing counts as zero.
def amount: tonumber(0);

def sum: add // 0;

# 15.00 → 15, so that numbers can be keys of tables.
def shortest: . / 1;

# --- dates (of one value) ---------------------------------------------------------------------------

# The accounting date of a field such as `creditNoteDate`. Dates that were entered in Omni are the
# instant of midnight in the account's zone; those that were written through the API as exactly
# midnight UTC mean the day that they show.
def date:
  plain as $text
  | setting("org-timezone"; null) as $zone
  | if $text == null then null
    elif $zone == null then error("the Omni connection needs the setting org-timezone")
    elif $text | test("T00:00:00([.]0+)?(Z|[+-]00:00)?$") then $text | date("UTC")
    else $text | date($zone) end;

# An instant with its zone, which is UTC where Omni leaves it out.
def instant:
  plain
  | if . == null then null
    elif test("(Z|[+-][0-9]{2}:[0-9]{2})$") then .
    else . + "Z" end;

# --- states -----------------------------------------------------------------------------------------

# APPROVED, DRAFT or VOID, whatever the case on the wire.
def status:
  if .isVoid == true then "VOID"
  else (.status | plain) as $status
    | if $status != null then $status | ascii_upcase
      elif .isApproved == true then "APPROVED"
      elif .isApproved == false then "DRAFT"
      else null end
  end;

def accounting: .accountingAttributes | if type == "object" then . else {} end;

# NotImported, Imported, DoNotImport, Error; a value that is not known stays as it is.
def import_status:
  (accounting.accountingImportStatus | plain) as $status
  | if $status == null then "NotImported"
    else
      ($status | ascii_downcase) as $lower
      | if $lower == "notimported" then "NotImported"
        elif $lower == "imported" then "Imported"
        elif $lower == "donotimport" then "DoNotImport"
        elif $lower == "error" then "Error"
        else $status end
    end;

def imported_at: accounting.importDate | instant;

# Left out by rule: Omni also marks documents so that it posted in a batch.
def do_not_import: import_status == "DoNotImport" and setting("do-not-import"; "skip") == "skip";

# incl, excl, exempt, or null when the document leaves it open and no setting decides.
def tax_status:
  ((.taxStatus | plain) // "" | ascii_downcase) as $status
  | if $status == "incl" or $status == "1" then "incl"
    elif $status == "excl" or $status == "2" then "excl"
    elif $status == "exempt" or $status == "3" then "exempt"
    else setting("undefined-tax-status"; "hold") | if . == "hold" then null else . end
    end;

# --- who --------------------------------------------------------------------------------------------

# Of a document or a contact: the company, else the person.
def contact_name:
  (.company | plain) // ([.firstName, .lastName] | map(plain | select(. != null)) | join(" ") | plain);

# One address: that of the accounts department first, the first of several.
def email:
  [.billingEmail, .email]
  | map(plain | select(. != null) | split(";") | map(split(",")) | flatten | map(split(" ")) | flatten)
  | flatten
  | map(select(test("^[^@<>]+@[^@<>]+[.][^@<>]+$")))
  | first;

# The supplier's own number of the invoice that a purchase order stands for.
def supplier_reference: .supplierInvoiceReference | plain;

def is_supplier: (.type | plain) // "" | ascii_downcase == "supplier";

# --- keys for tables --------------------------------------------------------------------------------

# Names of tax rates are texts that people typed: the document's, else its contact's.
def tax_name: (.alternativeTaxRate | plain) // (.memberAlternativeTaxRate | plain);

# The alternative GL account that the document has for all its lines: a code on credit notes, a name
# on orders.
def document_account: (.alternativeAccountCode | plain) // (.costCenter | plain);

# The alternative GL accounts that a document gives to lines without one of their own, by where they
# stand.
def inherited_accounts:
  {document: document_account, contact: ((.memberCostCenter | plain) // (.billingCostCenter | plain))};

# What the rows of a table say of a product, by the code of the line, or by the id that all sizes and colours
# of a product share; the key of the row, null where there is none.
def product_row($line; $rows):
  [($line.code | plain | if . == null then empty else "product \(.)" end),
   (if ($line.productId | amount) == 0 then empty else "product id \($line.productId)" end)]
  | map(select($rows[.] != null))
  | first;

# The same of a document's branch: what it is called in tables. Omni shows the account and the tax rate of a
# branch on no document.
def branch_row($rows):
  if (.branchId | amount) == 0 then null
  else "branch \(.branchId)" | if $rows[.] == null then null else . end end;

# The accounts that a line may take, those that are set, as {from, account}.
def candidates($line; $inherited; $order; $rows):
  $order[] as $from
  | {from: $from, account: (
      if $from == "line" then $line.accountCode | plain
      elif $from == "product" then product_row($line; $rows)
      else $inherited[$from] end)}
  | select(.account != null);

# The account of a line: the first that is set, in the order of the setting.
def account_of($line; $inherited; $order):
  first(candidates($line; $inherited; $order; {}) | .account) // null;

def account_order: setting("account-precedence"; ["line", "document", "contact"]);

# The same over a document, for any of its lines.
def account_of($line): account_of($line; inherited_accounts; account_order);

# All of them over a document, so that a mapping can tell which rule chose: `from` is "line", "document",
# "contact", "product" or "branch". The last two are rows of the table that goes with it.
def accounts_in_order($line; $rows):
  [candidates($line; inherited_accounts + {branch: branch_row($rows)}; account_order; $rows)];

def accounts_in_order($line): accounts_in_order($line; {});

# Whose alternative tax rate goes before the percentage: nobody's, unless the setting says so.
def tax_order: setting("tax-precedence"; []);

# The alternative tax rates that a document gives to all of its parts, by where they stand.
def inherited_taxes($rows):
  {document: (.alternativeTaxRate | plain), contact: (.memberAlternativeTaxRate | plain), branch: branch_row($rows)};

# The tax rate of a line or, where that is null, of another part of the document, as {tax_rate, tax_from}: the
# first that is set; an empty object where none is.
def tax_of($line; $percent; $inherited; $order; $rows):
  first(
    $order[] as $from
    | {tax_rate: (
        if $from == "line" then (if ($line.taxRate | amount) > 0 then $percent | tostring else null end)
        elif $from == "product" then (if $line == null then null else product_row($line; $rows) end)
        else $inherited[$from] end), tax_from: $from}
    | select(.tax_rate != null)
  ) // {};

def custom($name): .customFields | if type == "object" then .[$name] | plain else null end;

def is_purchase:
  has("supplierInvoiceReference") or has("supplierAcceptanceDate")
  or has("fullyReceivedDate") or has("estimatedArrivalDate");

# The value of the custom field that stands for a tracking category, 1 or 2.
def tracking($slot):
  setting("tracking"; []) as $usual
  | (if is_purchase then setting("purchase-tracking"; $usual) else $usual end)[$slot - 1] as $name
  | if $name == null then null else custom($name) end;

def sales_reference: .salesReference | plain;

# How the books keep stock, "perpetual" or "periodic".
def stock_method: setting("stock-method"; "perpetual");

# --- money --------------------------------------------------------------------------------------------

def is_credit_note: has("creditNoteDate") or has("creditNoteNumber") or has("salesReference");

# Omni keeps credit notes negative; in the books a credit is positive.
def sign: if is_credit_note then -1 else 1 end;

def total: if .total == null then null else sign * (.total | amount) end;

# Foreign per base, six decimals; null for a document in the base currency and where no rate is known.
def currency_rate:
  (.currencyRate | amount) as $rate
  | setting("home-currency"; null) as $home
  | (.currencyCode | plain) as $currency
  | if $rate == 0 or $currency == $home or ($home == null and $rate == 1) then null
    elif setting("currency-rate-direction"; "home-per-document") == "document-per-home" then $rate | round(6)
    else 1 | div($rate; 6) end;

# Parts of a kit: they may carry a price of their own or none.
def is_kit_part: (.parentId | amount) > 0;

# One way to read the document: which lines count, the signs of discounts, the scale of tax rates.
# Signs are those that the discounts are multiplied by.
def ways($status):
  (.lineItems // []) as $lines
  | setting("kit-children"; "auto") as $kit
  | setting("line-discount-sign"; "auto") as $line_sign
  | setting("order-discount-sign"; "auto") as $order_sign
  | setting("tax-rate-scale"; "auto") as $scale
  | ([(.taxRate | amount)] + ($lines | map(.taxRate | amount)) | any(. >= 1)) as $looks_like_percent
  | (if $looks_like_percent then ["percent", "fraction"] else ["fraction", "percent"] end) as $likeliest
  | (if $kit != "auto" then [$kit] elif $lines | any(is_kit_part) then ["all", "parents"] else ["all"] end) as $kits
  | (if $line_sign == "subtract" then [-1] elif $line_sign == "add" then [1]
     elif $lines | any((.discount | amount) != 0) then [-1, 1] else [-1] end) as $line_signs
  | (if $order_sign == "subtract" then [-1] elif $order_sign == "add" then [1]
     elif (.discountTotal | amount) != 0 then [-1, 1] else [-1] end) as $order_signs
  | (if $scale != "auto" then [$scale]
     # Only a total with tax on top of it tells the scales apart.
     elif $status == "excl" then $likeliest else [$likeliest[0]] end) as $scales
  | [
      $kits[] as $kit | $line_signs[] as $line | $order_signs[] as $order | $scales[] as $scale
      | {kit: $kit, line: $line, order: $order, scale: $scale}
    ];

# What the document comes to when it is read that way, in Omni's own signs, unrounded.
def read_as($way; $status):
  (if $way.scale == "percent" then 0.01 else 1 end) as $unit
  | (if $status == "exempt" then 0 else (.taxRate | amount) * $unit end) as $rate
  | (.freightTotal | amount) as $freight
  | (.surcharge | amount) as $surcharge
  | ($way.order * (.discountTotal | amount)) as $discount
  | [
      (.lineItems // [])[]
      | select($way.kit == "all" or (is_kit_part | not))
      | (.taxRate | amount) as $own
      | {
          line: .,
          amount: ((.qty | amount) * (.unitPrice | amount) + $way.line * (.discount | amount)),
          rate: (if $status != "exempt" and $own > 0 then $own * $unit else $rate end)
        }
    ] as $lines
  | ($lines | map(.amount) | sum) as $products
  | ($freight + $surcharge + $discount) as $extras
  | (if $status == "excl" then ($lines | map(.amount * .rate) | sum) + $extras * $rate else 0 end) as $tax
  | {
      lines: $lines, products: $products, freight: $freight, surcharge: $surcharge,
      discount: $discount, rate: $rate, tax: $tax, total: ($products + $extras + $tax)
    };

def readings($status):
  . as $document
  | (setting("totals-tolerance"; "0.02") | tonumber) as $tolerance
  | (.total | amount) as $total
  | (if .productTotal == null then null else .productTotal | amount end) as $products
  | ways($status)[] as $way
  | $document
  | read_as($way; $status)
  | (((.total - $total) | abs) <= $tolerance) as $fits
  | . + {
      fits: $fits,
      fits_wholly: ($fits and ($products == null or ((.products - $products) | abs) <= $tolerance))
    };

# The reading that explains the total, and better also the total of the lines; the likeliest one,
# with `fits` false, when none does. Nearly always it is the first, and no other is tried.
def reading:
  tax_status as $status
  | first(readings($status) | select(.fits_wholly))
    // ([readings($status)] | (map(select(.fits)) | first) // first);

# Why the document cannot go to the books as it is; null when nothing is wrong with its amounts.
# `$read` is its `reading`: the dearest thing to work out, so who needs it more than once keeps it.
def problem($read):
  is_credit_note as $credit
  | (.lineItems // []) as $lines
  | (.total | amount) as $total
  | if .total == null then "Omni shows no total"
    elif $credit and $total >= 0 then
      "the total of a credit note must be negative in Omni, and this one's is \($total | round(2))"
    elif ($credit | not) and $total < 0 then
      "the total of an order must not be negative in Omni, and this one's is \($total | round(2))"
    elif tax_status == null then
      "its tax status is \((.taxStatus | plain) // "empty"), so nobody knows whether its prices include tax"
    elif ($lines | length) == 0 and (.freightTotal | amount) == 0 then "it has no lines"
    else
      $read
      | if .fits then null
        else
          "its parts make \(.total | round(2)), but its total is \($total | round(2)) (lines \(.products | round(2)), freight \(.freight | round(2)), surcharge \(.surcharge | round(2)), discount \(.discount | round(2)), tax \(.tax | round(2)))"
        end
    end;

def problem: problem(reading);

# A quantity and a unit price whose product, to the cent, is the amount: as Omni has them, else the
# price after discount, else one piece. Systems that multiply again refuse anything else.
def priced($amount; $quantity; $unit):
  ($unit | round(4)) as $price
  | (if $quantity == 0 then 0 else $amount | div($quantity; 4) end) as $even
  | if (($quantity * $price) | round(2)) == $amount then {quantity: $quantity, unit: $price, whole: true}
    elif (($quantity * $even) | round(2)) == $amount then {quantity: $quantity, unit: $even, whole: true}
    else {quantity: 1, unit: $amount, whole: false} end;

def description:
  ([.option1, .option2, .option3] | map(plain | select(. != null)) | join(" / ")) as $options
  | ((.name | plain) // (.code | plain) // (.lineComments | plain) // "Item")
  + (if $options == "" then "" else " (" + $options + ")" end);

# A discount of the whole document as shares of the lines' tax rates, in proportion to their amounts.
def shares($discount; $lines; $rate):
  ($lines | group_by(.tax_percent) | map({percent: .[0].tax_percent, amount: (map(.amount) | sum)})
   | map(select(.amount != 0))) as $groups
  | ($groups | map(.amount) | sum) as $whole
  | if ($groups | length) == 0 or $whole == 0 then [{percent: $rate, amount: $discount}]
    else
      (reduce $groups[] as $group ({left: $discount, groups: ($groups | length), shares: []};
        (if .groups == 1 then .left else ($discount * $group.amount) | div($whole; 2) end) as $share
        | {
            left: (.left - $share),
            groups: (.groups - 1),
            shares: (.shares + [{percent: $group.percent, amount: $share}])
          })).shares
    end;

# The document's lines for the books: goods, freight, surcharge, and the document's discount, each
#   kind          "line", "freight", "surcharge" or "discount"
#   description   never empty
#   quantity, unit   multiplied and rounded to cents they are `amount`
#   amount        two decimals, after the line's discount; positive for a credit
#   tax_percent   15, 8.75, 0
#   account       the alternative GL account (see `account_of`), null for freight and surcharge
#   account_from  of goods: where it stood, "line", "document", "contact", "product" or "branch"
#   tax_rate, tax_from   an alternative tax rate and where it stood, as far as `tax-precedence` names them
#   code, product_id   of goods
# Amounts include the tax when `tax_status` is incl. Parts that are zero are left out. With `$told` each
# has its `accounts`, too: all that it may take, as `accounts_in_order` gives them. `$accounts` and `$taxes` are
# the rows of the tables of accounts and tax rates, for what they say of products and branches.
def lines_of($read; $told; $accounts; $taxes):
  sign as $sign
  | (inherited_accounts + {branch: branch_row($accounts)}) as $inherited
  | inherited_taxes($taxes) as $taxed
  | tax_order as $tax_order
  | account_order as $order
  | (($read.rate * 100) | shortest) as $rate
  | [
      $read.lines[]
      | ($sign * .amount | round(2)) as $amount
      | (.line.qty | amount) as $qty
      | (.line.unitPrice | amount) as $price
      | select($amount != 0 or $qty != 0)
      # A credit is a negative quantity, in imported documents a negative price.
      | priced($amount; $qty | abs; if $qty < 0 then 0 - $sign * $price else $sign * $price end) as $priced
      | (first(candidates(.line; $inherited; $order; $accounts)) // null) as $chosen
      | ((.rate * 100) | shortest) as $percent
      | {
          kind: "line",
          description: (
            (.line | description)
            + (if $priced.whole then "" else " (\($qty | abs | shortest) × \($price | abs | shortest))" end)
          ),
          quantity: ($priced.quantity | shortest),
          unit: $priced.unit,
          amount: $amount,
          tax_percent: $percent,
          account: $chosen.account,
          account_from: $chosen.from,
          code: (.line.code | plain),
          product_id: .line.productId
        }
        + tax_of(.line; $percent; $taxed; $tax_order; $taxes)
        + (if $told then {accounts: [candidates(.line; $inherited; $order; $accounts)]} else {} end)
    ] as $goods
  | def part($kind; $amount; $described; $otherwise; $account; $percent):
      if $amount == 0 then empty
      else {
        kind: $kind,
        description: (($described | plain) // $otherwise),
        quantity: 1,
        unit: $amount,
        amount: $amount,
        tax_percent: $percent,
        account: $account,
        code: null,
        product_id: null
      }
      + tax_of(null; $percent; $taxed; $tax_order; $taxes)
      + (if $told | not then {}
         elif $account == null then {accounts: []}
         else {accounts: [{from: "document", account: $account}]} end) end;
  $goods + [
    part("freight"; $sign * $read.freight | round(2); .freightDescription; "Freight"; null; $rate),
    part("surcharge"; $sign * $read.surcharge | round(2); .surchargeDescription; "Surcharge"; null; $rate),
    (shares($sign * $read.discount | round(2); $goods; $rate)[] as $share
     | part("discount"; $share.amount; .discountDescription; "Discount"; $inherited.document; $share.percent))
  ];

def lines($read; $accounts; $taxes): lines_of($read; false; $accounts; $taxes);

def lines($read): lines($read; {}; {});

def lines: lines(reading);

# The same, each with its `accounts`.
def lines_with_accounts($read): lines_of($read; true; {}; {});

# Fewer lines: those with the same account and tax rate in one, whose description says how many it stands
# for. The tracking is the document's, so it is the same for all. Where no account is set, the kind of
# line chooses it, so only lines of one kind go together.
def merged_lines($read; $accounts; $taxes):
  def key: [.account, (if .account == null then .kind else null end), .tax_percent, .tax_rate] | tojson;
  (reduce lines($read; $accounts; $taxes)[] as $line ({keys: [], groups: {}};
    ($line | key) as $key
    | if .groups[$key] == null then {keys: (.keys + [$key]), groups: (.groups + {($key): [$line]})}
      else {keys: .keys, groups: (.groups + {($key): (.groups[$key] + [$line])})} end)) as $all
  | [
      $all.keys[] as $key
      | $all.groups[$key] as $group
      | if ($group | length) == 1 then $group[0]
        else
          ($group | map(.amount) | sum) as $amount
          | $group[0]
          + {
              kind: (if $group | all(.kind == $group[0].kind) then $group[0].kind else "line" end),
              description: "\($group | length) lines",
              quantity: 1,
              unit: $amount,
              amount: $amount,
              code: null,
              product_id: null
            }
        end
    ];

def merged_lines($read): merged_lines($read; {}; {});

# --- payment terms ------------------------------------------------------------------------------------------

# Terms are text that people typed. What is understood is {days: N} after the document's date,
# {month_end: N} days after the end of its month, or {following: N}, that day of the following month
# (its last, where the month is shorter). Anything else is null: a date that was guessed would be
# believed.
def word_meanings:
  {
    due: "", payment: "", payments: "", pay: "", paid: "", payable: "", terms: "", term: "",
    within: "", in: "", from: "", after: "", of: "", the: "", invoice: "", inv: "", date: "",
    strictly: "", on: "", upon: "", by: "", plus: "", is: "", calendar: "",
    net: "net", nett: "net", day: "days", days: "days",
    end: "end", last: "end", month: "month", mth: "month", eom: "end month",
    following: "next", next: "next",
    cod: "cod", cash: "cash", delivery: "delivery", receipt: "receipt", advance: "advance",
    pre: "prepaid", prepaid: "prepaid", prepay: "prepaid", prepayment: "prepaid", upfront: "prepaid",
    immediate: "immediate", immediately: "immediate"
  };

# A number of up to four digits that may begin with zeros.
def digits: ltrimstr("0") | ltrimstr("0") | ltrimstr("0") | tonumber(0);

def terms_of($text):
  (($text | plain) // "" | ascii_downcase) as $lower
  | ($lower | split(".") | join("")
     | reduce [",", ";", ":", "(", ")", "-", "+", "/"][] as $sign (.; split($sign) | join(" "))
     | split(" ") | map(select(. != ""))) as $words
  | ($words | map(select(test("[0-9]")))) as $numbers
  | word_meanings as $meanings
  | ($words
     | map(if test("^[0-9]{1,3}$") then "#"
           elif test("^[0-9]{1,2}(st|nd|rd|th)$") then "#th"
           elif test("^[0-9]{1,3}(d|days?)$") then "# days"
           elif test("^net[0-9]{1,3}$") then "net #"
           elif . as $word | $meanings | has($word) then $meanings[.]
           else "?" end)
     | map(select(. != "")) | join(" ")) as $said
  | if ($numbers | length) > 1 or ($lower | test("[0-9][.,][0-9]")) then null
    else
      (if ($numbers | length) == 0 then null
       else
         $numbers[0] | ltrimstr("net")
         | reduce ["st", "nd", "rd", "th", "days", "day", "d"][] as $end (.; rtrimstr($end))
         | digits
       end) as $number
      | if $said | test("^(cod|cash|(cash )?delivery|(cash )?advance|prepaid|receipt|immediate)$") then {days: 0}
        elif $said | test("^(net #( days)?|# days( net| next)?|days #)$") then {days: $number}
        elif $said | test("^(end month|month end)$") then {month_end: 0}
        elif $said | test("^((net )?#( days)?( net)? (end month|month end)|# days next end month|(end month|month end) #( days)?)$")
        then {month_end: $number}
        elif $said | test("^end (days )?(next month|month next)$") then {following: 31}
        elif ($said | test("^(days #|#(th)?) (next month|month next)$|^#th next$|^#th (end month|month end)$"))
          and $number >= 1 and $number <= 31
        then {following: $number}
        else null end
    end;

# What the setting says about a text goes first.
def payment_terms($text):
  (($text | plain) // "" | ascii_downcase) as $wanted
  | (setting("payment-terms"; {}) | to_entries
     | map(select(((.key | plain) // "" | ascii_downcase) == $wanted)) | first) as $set
  | if $wanted == "" then null
    elif $set == null then terms_of($text)
    else
      terms_of($set.value)
      | if . == null then error("the setting payment-terms: \($set.value) is not understood") else . end
    end;

# A whole number of times.
def times($by): (. - . % $by) / $by;

# Days since the first of March of the year 0: leap days come last in years that begin in March.
def day_number($year; $month; $day):
  (if $month <= 2 then $year - 1 else $year end) as $year
  | (if $month <= 2 then $month + 9 else $month - 3 end) as $month
  | 365 * $year + ($year | times(4)) - ($year | times(100)) + ($year | times(400))
    + (153 * $month + 2 | times(5)) + $day - 1;

def two_digits: if . < 10 then "0\(.)" else "\(.)" end;

# The date of such a day.
def date_of_day_number:
  times(146097) as $era
  | (. % 146097) as $of_era
  | ($of_era - ($of_era | times(1460)) + ($of_era | times(36524)) - ($of_era | times(146096)) | times(365)) as $years
  | ($of_era - (365 * $years + ($years | times(4)) - ($years | times(100)))) as $of_year
  | (5 * $of_year + 2 | times(153)) as $months
  | ($of_year - (153 * $months + 2 | times(5)) + 1) as $day
  | (if $months < 10 then $months + 3 else $months - 9 end) as $month
  | (400 * $era + $years + (if $month <= 2 then 1 else 0 end)) as $year
  | "\($year)-\($month | two_digits)-\($day | two_digits)";

# The first day of the month that is so many months ahead.
def first_of_month($year; $month; $ahead):
  ($year * 12 + $month - 1 + $ahead) as $months
  | day_number($months | times(12); $months % 12 + 1; 1);

# When a document of that date, `YYYY-MM-DD`, is due by terms such as `20th of following month`. Null
# without a date, and where the terms are not understood.
def due_date($terms; $date):
  payment_terms($terms) as $rule
  | if $rule == null or $date == null then null
    else
      ($date | split("-") | map(digits)) as $parts
      | $parts[0] as $year | $parts[1] as $month | $parts[2] as $day
      | if $rule.days != null then day_number($year; $month; $day) + $rule.days
        elif $rule.month_end != null then first_of_month($year; $month; 1) - 1 + $rule.month_end
        else
          (first_of_month($year; $month; 1) + $rule.following - 1) as $wanted
          | (first_of_month($year; $month; 2) - 1) as $last
          | if $wanted > $last then $last else $wanted end
        end
      | date_of_day_number
    end;

# The same by the document's own terms.
def due_date($date): due_date(.paymentTerms; $date);

# --- payments ---------------------------------------------------------------------------------------------

# The key that a payment was entered with, else the document that it pays.
def payment_number: (.transactionRef | plain) // (.orderRef | plain);

# Refunds are negative in Omni; in the books a payment has a direction instead, and is positive.
def payment_total: if .amount == null then null else .amount | amount | abs end;

# Whether a payment was brought into Omni from the books, where it must never go back: an accounting
# import left its mark, or the method is the one of the setting.
def payment_from_books:
  ((setting("books-payment-method"; null) | plain) // "" | ascii_downcase) as $method
  | (.paymentImportedRef | plain) != null
    or ($method != "" and (((.method | plain) // "" | ascii_downcase) == $method));

# Omni itself takes a payment for a deposit by this word in its comments.
def is_deposit: ((.comments | plain) // "") | test("\\bdeposit"; "i");

# --- stock adjustments ------------------------------------------------------------------------------------

# In the base currency: positive when stock grows.
def adjustment_total: if .productTotal == null then null else .productTotal | amount | round(2) end;

# The lines that explain the total: all, or all but parts of kits; those of the setting, where it says.
def adjustment_reading:
  (setting("totals-tolerance"; "0.02") | tonumber) as $tolerance
  | setting("kit-children"; "auto") as $kit
  | (.productTotal | amount) as $total
  | (.lineItems // []) as $lines
  | [
      (if $kit != "auto" then $kit elif $lines | any(is_kit_part) then ("all", "parents") else "all" end)
      as $which
      | [
          $lines[]
          | select($which == "all" or (is_kit_part | not))
          | {line: ., value: ((.qtyAdjusted | amount) * (.unitCost | amount))}
        ] as $counted
      | ($counted | map(.value) | sum) as $sum
      | {lines: $counted, total: $sum, fits: (($sum - $total | abs) <= $tolerance)}
    ]
  | (map(select(.fits)) | first) // first;

# Why an adjustment cannot go to the books as it is; null when nothing is wrong with its amounts.
def adjustment_problem:
  if .productTotal == null then "Omni shows no total"
  elif ((.lineItems // []) | length) == 0 then "it has no lines"
  else
    adjustment_reading as $read
    | if $read.fits then null
      else "its lines make \($read.total | round(2)), but its total is \(.productTotal | amount | round(2))" end
  end;

# An adjustment's lines, each
#   description        never empty
#   quantity, unit     signed, and the cost of one
#   amount             two decimals, positive where stock grows; all together are the total
#   account            of the other side: the line's own, else the adjustment's, else null
#   code, product_id
# Lines worth nothing are left out. Cents that rounding leaves over are on the line of the most value.
def adjustment_lines:
  (.alternativeAccountCode | plain) as $other
  | adjustment_reading as $read
  | adjustment_total as $total
  | [$read.lines[] | . + {amount: (.value | round(2))} | select(.amount != 0)] as $lines
  | (if $read.fits and $total != null then $total - ($lines | map(.amount) | sum) else 0 end) as $left
  | ($lines | map(.amount | abs) | max) as $most
  | (reduce $lines[] as $line ({left: $left, lines: []};
      (if ($line.amount | abs) == $most then .left else 0 end) as $more
      | {
          left: (.left - $more),
          lines: (.lines + [
            $line.line
            | {
                description: description,
                quantity: (.qtyAdjusted | amount | shortest),
                unit: (.unitCost | amount | shortest),
                amount: ($line.amount + $more),
                account: ((.account | plain) // $other),
                code: (.code | plain),
                product_id: .productId
              }
          ])
        })).lines;

# --- exports: their rows as documents -----------------------------------------------------------------------

# The last day of a month such as `2026-07`.
def last_of_month($month):
  ($month | split("-") | map(digits)) as $parts
  | first_of_month($parts[0]; $parts[1]; 1) - 1
  | date_of_day_number;

# A supplier credit note in the form in which the API gives customers' ones, so that everything above
# reads it.
def supplier_credit_note:
  .rows as $rows
  | $rows[0] as $first
  | {
      id: $first.Id,
      reference: $first.Reference,
      creditNoteNumber: $first["Supplier Credit Note No"],
      # Exports hold days: as midnight of UTC they stay the day that they show.
      creditNoteDate: (if $first["Supplier Credit Note Date"] == null then null
        else $first["Supplier Credit Note Date"] + "T00:00:00Z" end),
      memberId: $first["Supplier Id"],
      company: $first.Supplier,
      purchaseOrder: $first["Purchase Order"],
      supplierInvoiceReference: $first["Supplier Inv No"],
      currencyCode: $first.Currency,
      currencyRate: $first["Currency Rate"],
      taxStatus: $first["Tax Status"],
      taxRate: $first["Tax Rate"],
      freightTotal: $first["Freight Total"],
      surcharge: $first.Surcharge,
      discountTotal: $first["Discount Total"],
      total: $first.Total,
      lineItems: [
        $rows[]
        | {
            code: .["Line Code"], name: .["Line Name"], qty: .Qty, unitPrice: .["Unit Price"],
            discount: .Discount, accountCode: .["Account Code"]
          }
      ]
    };

# Whether all rows of an export's document say the same in the columns that are the document's.
def same_in_all_rows($columns):
  .rows as $rows
  | $columns | all(. as $column | $rows | all(.[$column] == $rows[0][$column]));

# --- what documents do to the value of stock -----------------------------------------------------------------

# The document's lines without their tax, each in the base currency and rounded to cents, as the books do it;
# those without an account of their own and those of `$account`, with `$all` every line. Null where the
# document's parts do not explain its total.
def home_value($account; $all):
  tax_status as $tax
  | if $tax == null or .total == null then null
    else
      reading as $read
      | currency_rate as $rate
      | if $read.fits | not then null
        else
          [
            lines($read)[]
            | select($all or .account == null or .account == $account)
            | .tax_percent as $percent
            | (if $tax == "incl" then .amount - ((.amount * $percent) | div(100 + $percent; 2))
               else .amount end) as $net
            | if $rate == null then $net else $net | div($rate; 2) end
          ]
          | sum | round(2)
        end
    end;

def stock_value($account): home_value($account; false);

# At the price of the document.
def worth: home_value(null; true);

# By the cost that the lines carry, which is not what Omni will cost the goods at; null where one has none.
def cost_estimate:
  [(.lineItems // [])[] | select((.code | plain) != null and (.qty | amount) != 0)] as $goods
  | if ($goods | length) == 0 or ($goods | any((.unitCost | amount) == 0)) then null
    else $goods | map((.qty | amount | abs) * (.unitCost | amount)) | sum | round(2) end;

# Sales orders are read once they have an invoice date, unless the setting says otherwise.
def open_orders_unseen:
  if setting("open-orders"; "skip") == "read" then null
  else
    "sales orders without an invoice date are not read, so what was dispatched and not invoiced is in the rest: set open-orders = \"read\" below [connections.NAME.settings]; it holds for orders that change from then on"
  end;

# The rows of a month's cost of goods sold that credit `$account`.
def costs($account):
  [
    .rows[]
    | select(.["Stock Account"] == $account)
    | {
        stream: (if (.["Document Type"] | ascii_downcase) == "credit note" then "credit_notes" else "sales_orders" end),
        of: .["Document Id"],
        on: .["Completed Date"],
        amount: (0 - .Cost)
      }
  ];
