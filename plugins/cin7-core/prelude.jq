# What a credit note of Cin7 Core means to the books. Bound as `cin7_core::` in mappings and in this
# manifest; every function reads one document (or, where it says so, one value) and changes nothing.
#
# A document is `{"Sale": …, "CreditNote": …}`: the credit note and the header of its sale, which
# governs its currency, tax mode and customer. `$settings` are the settings of the Core connection.

# --- values ---------------------------------------------------------------------------------------

def setting($name; $default):
  (($settings // {})[$name]) as $value
  | if $value == null or $value == "" then $default else $value end;

# Text on one line without spaces at its ends; null when nothing is left.
def plain: one_line;

# Numbers come bare, in some places as text. Any may be missing: nothing counts as zero.
def amount: tonumber(0);

def sum: add // 0;

# 2.0000 → 2
def shortest: . / 1;

# One, many, none: an array in each case, without empty elements.
def many:
  if type == "array" then map(select(. != null and . != {}))
  elif type == "object" and . != {} then [.]
  else [] end;

# Ids come in upper and lower case; one of zeros is not set.
def guid($text):
  ($text | plain) as $id
  | if $id == null or ($id | test("^[{]?[0-]+[}]?$")) then null
    else $id | ascii_downcase | ltrimstr("{") | rtrimstr("}") end;

# "200", or "200: Sales" where Core writes the name beside the code.
def account_code: plain | if . == null then null else split(": ")[0] | trim end;

# --- dates (of one value) ---------------------------------------------------------------------------

# A business date is a day in the company's own calendar, written with an empty time and no zone. It
# never goes through UTC, which would move it to the day before or after. Null when there is none;
# what is no date of this form is told by `date_problem`.
def date:
  plain
  | if . == null then null
    else (split("T")[0] | split(" ")[0]) as $day
      | if ($day | test("^[0-9]{4}-[0-9]{2}-[0-9]{2}$")) and $day != "0001-01-01" then $day else null end
    end;

def date_problem:
  plain as $text
  | if $text == null or ($text | startswith("0001-01-01")) then "it has no credit note date"
    elif $text | date == null then "its date \($text) is not of the form 2026-10-31"
    else null end;

# --- states -----------------------------------------------------------------------------------------

# AUTHORISED, DRAFT, VOIDED, or what else Core says, in one spelling; null when it says nothing. Of a
# voided sale nothing stands.
def status:
  def word: plain | if . == null then null
    else ascii_upcase | if . == "AUTHORIZED" then "AUTHORISED" elif . == "VOID" then "VOIDED" else . end end;
  if (.Sale.Status | word) == "VOIDED" then "VOIDED" else .CreditNote.Status | word end;

# incl, excl, or null where the sale does not say.
def tax_status:
  ((.Sale.TaxCalculation | plain) // "" | ascii_downcase) as $mode
  | if $mode == "inclusive" then "incl"
    elif $mode == "exclusive" then "excl"
    elif .Sale.TaxInclusive == true then "incl"
    elif .Sale.TaxInclusive == false then "excl"
    else null end;

# --- who --------------------------------------------------------------------------------------------

def customer_id: guid(.Sale.CustomerID);

# A customer's people, the default one first.
def people: (.Contacts | many) | (map(select(.Default == true)) + map(select(.Default != true)));

# One address: the first that is one, of the default person first.
def email:
  [people[] | .Email | plain | select(. != null) | split(";") | map(split(",")) | flatten | map(trim)]
  | flatten
  | map(select(test("^[^@<> ]+@[^@<> ]+[.][^@<> ]+$")))
  | first;

# A customer's address of a type: the default one first.
def address($type):
  (.Addresses | many | map(select((.Type | plain) // "" | ascii_downcase == ($type | ascii_downcase)))) as $all
  | (($all | map(select(.DefaultForType == true)) | first) // ($all | first));

# --- fields of the sale for tracking ------------------------------------------------------------------

# A field of the sale by the name that the setting gives, or one of its additional attributes.
def field($name):
  (.Sale[$name] | if type == "object" or type == "array" then null else plain end)
  // (.Sale.AdditionalAttributes | if type == "object" then .[$name] | plain else null end);

# The value that stands for a tracking category, 1 or 2.
def tracking($slot):
  setting("tracking"; [])[$slot - 1] as $name
  | if $name == null then null else field($name) end;

# --- money --------------------------------------------------------------------------------------------

def base_currency: .Sale.BaseCurrency | plain | if . == null then null else ascii_upcase end;
def currency:
  (.Sale.CustomerCurrency | plain | if . == null then null else ascii_upcase end) // base_currency;

def is_foreign: currency != base_currency;

# Core's rate, base units for one unit of the document's currency: that which the credit note was
# locked at, else the sale's. Null when neither is known.
def core_rate:
  [.CreditNote.CreditNoteConversionRate, .Sale.CurrencyRate] | map(amount | select(. > 0)) | first;

# The rate as the target wants it: units of the document's currency for one base unit, six decimals.
# Null for a document in the base currency and where no rate is known.
def currency_rate:
  core_rate as $rate
  | if (is_foreign | not) or $rate == null then null else 1 | div($rate; 6) end;

# A line's amount as quantity, price and discount make it, four decimals.
def computed: ((.Quantity | amount) * (.Price | amount) * (100 - (.Discount | amount)) * 0.01) | round(4);

# Goods, then charges such as freight, which come without a SKU and call their name `Description`.
def raw_lines:
  [(.CreditNote.Lines | many)[] | {kind: "line", line: .}]
  + [(.CreditNote.AdditionalCharges | many)[] | {kind: "charge", line: .}];

# One way to read the lines' amounts:
#   stated    a line's `Total` is its amount, without tax where tax goes on top
#   net       a line's `Total` includes the tax that goes on top, as some accounts have been seen to
#   computed  quantity × price less discount, whatever `Total` says
def read_as($way; $mode):
  [
    raw_lines[]
    | .line as $line
    | ($line | computed) as $computed
    | {
        kind, line: $line,
        tax: ($line.Tax | amount),
        amount: (
          if $line.Total == null or $way == "computed" then $computed
          elif $way == "net" then ($line.Total | amount) - ($line.Tax | amount)
          else $line.Total | amount end)
      }
  ] as $lines
  | ($lines | map(.amount) | sum) as $amounts
  | ($lines | map(.tax) | sum) as $taxes
  | {lines: $lines, amounts: $amounts, taxes: $taxes,
     total: ($amounts + if $mode == "incl" then 0 else $taxes end)};

# The first reading that explains the total; the plain one, with `fits` false, when none does.
def reading:
  def readings:
    tax_status as $mode
    | (setting("totals-tolerance"; "0.02") | tonumber) as $tolerance
    | (.CreditNote.Total | amount) as $total
    | ("stated", "net", "computed") as $way
    | select($way != "net" or $mode == "excl")
    | read_as($way; $mode)
    | . + {fits: (((.total - $total) | abs) <= $tolerance)};
  first(readings | select(.fits)) // first(readings);

# What the books should show, in cents: Core keeps four decimals. Null while it is void: voiding takes
# the lines and the total away, and what was sent is known to the target alone.
def total:
  if status == "VOIDED" or .CreditNote.Total == null then null
  else .CreditNote.Total | amount | round(2) end;

# Why the document cannot go to the books as it is; null when nothing is wrong with its amounts.
# `$read` is its `reading`: the dearest thing to work out, so who needs it more than once keeps it.
def problem($read):
  (.CreditNote.Total | amount) as $total
  | if .CreditNote.Total == null then "Core shows no total"
    elif $total < 0 then "its total is \($total | round(2)): a credit note of Core has a positive one"
    elif tax_status == null then
      "its sale does not say whether prices include tax"
    elif raw_lines == [] then "it has no lines"
    elif is_foreign and core_rate == null then "it is in \(currency), but Core shows no rate for it"
    else
      $read
      | if .fits then null
        else
          "its parts make \(.total | round(2)), but its total is \($total | round(2)) (lines and charges \(.amounts | round(2)), tax \(.taxes | round(2)))"
        end
    end;

def problem: problem(reading);

# Four decimals to cents, so that nothing is lost: each amount is rounded together with what is left
# over from those before it, and the sum of all is the rounded sum. An amount of whole cents stays.
def in_cents:
  reduce .[] as $each ({exact: 0, given: 0, all: []};
    (.exact + $each) as $exact
    | (($exact | round(2)) - .given) as $cents
    | {exact: $exact, given: (.given + $cents), all: (.all + [$cents])})
  | .all;

# A unit price of four decimals whose product with the quantity, to the cent, is the amount: the price
# after discount, else what the amount makes; null when there is none, and the target works it out.
def unit_price($amount; $quantity; $price):
  ($price | round(4)) as $net
  | (if $quantity == 0 then $net else $amount | div($quantity; 4) end) as $even
  | if (($quantity * $net) | round(2)) == $amount then $net
    elif (($quantity * $even) | round(2)) == $amount then $even
    else null end;

# "Green tea 100g - returned damaged": the name, and the comment where there is one.
def description:
  [(.Name | plain) // (.Description | plain) // (.SKU | plain) // "Item", (.Comment | plain)]
  | map(select(. != null)) | join(" - ");

# The lines for the books, each
#   kind          "line" or "charge"
#   description   never empty
#   quantity      as Core has it
#   unit          the price after discount; null when no price of four decimals gives the amount
#   amount, tax   cents; together they are `total`. The amount includes the tax when `tax_status` is
#                 incl
#   account       code
#   tax_rule      name of the tax rule, the sale's where the line has none
#   sku           of goods
# Lines over nothing are left out.
def lines($reading):
  .Sale as $sale
  | tax_status as $mode
  | $reading.lines as $read
  | ($read | map(.amount)) as $amounts
  | ($read | map(.tax)) as $taxes
  # Tax on top comes after the amounts, so that its cents are what the total leaves.
  | (if $mode == "incl" then ($amounts | in_cents) + ($taxes | in_cents)
     else $amounts + $taxes | in_cents end) as $cents
  | ($read | length) as $count
  | [
      reduce $read[] as $each ([]; . + [$each + {at: length}])
      | .[]
      | .line as $line
      | $cents[.at] as $amount
      | $cents[.at + $count] as $tax
      | ($line.Quantity | amount) as $given
      | select($amount != 0 or $tax != 0 or $given != 0)
      | (if $given == 0 then 1 else $given end) as $quantity
      | (($line.Price | amount) * (100 - ($line.Discount | amount)) * 0.01) as $net
      | {
          kind,
          description: ($line | description),
          quantity: ($quantity | shortest),
          unit: unit_price($amount; $quantity; $net),
          amount: $amount,
          tax: $tax,
          account: (($line.Account | account_code) // ($sale.DefaultAccount | account_code)),
          tax_rule: (($line.TaxRule | plain) // ($sale.TaxRule | plain)),
          sku: ($line.SKU | plain)
        }
    ];

def lines: lines(reading);
