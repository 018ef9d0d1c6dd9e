# How Xero computes, names and forbids things. Bound as `xero::` in mappings and in this manifest.
#
# `$reference` (reference documents by stream and key) and `$target_settings` (the settings of the
# Xero connection) come from the engine.

# --- what mappings call -------------------------------------------------------------------------

# One element of a line's `Tracking`. The category stands at `slot` (1 or 2) in the connection's settings.
# `$option` is the option's name, or an object with its `id`, its `name` or both: the id goes where the
# setting `tracking-ids` says what the category's own id is, else the name. An empty option gives nothing,
# so the line goes without.
def tracking($slot; $option):
  def given: if . == null or . == "" then null else tostring end;
  def of($setting): if $slot == 1 or $slot == 2 then ((($target_settings // {})[$setting]) // [])[$slot - 1] else null end;
  (if ($option | type) == "object" then $option else {name: $option} end) as $wanted
  | ($wanted.id | given) as $id
  | ($wanted.name | given) as $name
  | of("tracking-ids") as $category_id
  | of("tracking") as $category
  | if $id == null and $name == null then empty
    elif $id != null and $category_id != null then
      {TrackingCategoryID: ($category_id | ascii_downcase), TrackingOptionID: ($id | ascii_downcase)}
    elif $name == null then
      error("the tracking option \($id) has no name: list the ids of the organisation's categories in the Xero connection's `settings.tracking-ids`")
    elif $category == null then
      error("no tracking category for slot \($slot): list the organisation's category names in the Xero connection's `settings.tracking`")
    else {Name: $category, Option: $name} end;

# The same for a contact's `SalesTrackingCategories`, which go by names alone. Without a category or a name
# the contact goes without.
def contact_tracking($slot; $option):
  (if ($option | type) == "object" then $option.name else $option end) as $name
  | ((($target_settings // {}).tracking // [])[$slot - 1]) as $category
  | if $name == null or $name == "" or $category == null then empty
    else {TrackingCategoryName: $category, TrackingOptionName: ($name | tostring)} end;

# --- what Xero will compute ---------------------------------------------------------------------

def reference_to($stream; $key):
  if $key == null or $key == "" then null
  else ((($reference // {})[$stream]) // {})[$key | tostring] end;

# Amounts come as numbers, in a few of Xero's answers as text.
def amount: tonumber(null);

# Xero keeps four decimals of unit amounts, cutting off the rest, and of quantities.
def cut_to_four:
  . as $exact
  | round(4) as $near
  | if ($near | abs) <= ($exact | abs) then $near
    elif $exact < 0 then $near + 0.0001
    else $near - 0.0001 end;

def line_amount:
  (.LineAmount | amount) as $stated
  | if $stated != null then $stated | round(2)
    else
      (.UnitAmount | amount) as $unit
      | (.Quantity | amount) as $quantity
      | (if $unit == null then 0 else $unit | cut_to_four end) as $price
      | (if $quantity == null then 1 else $quantity | round(4) end) * $price
      | round(2)
    end;

# Percent. A line without a tax type takes its account's.
def line_rate:
  (if (.TaxType // "") != "" then .TaxType
   else (reference_to("accounts"; .AccountCode) // {}).TaxType end) as $type
  | ((reference_to("tax_rates"; $type) // {}).EffectiveRate | amount) // 0;

# Tax on top of an `Exclusive` line of `$amount`: stated, or computed and rounded line by line.
def line_tax($amount):
  (.TaxAmount | amount) as $stated
  | if $stated != null then $stated | round(2)
    else ($amount * line_rate * 0.01) | round(2) end;

def line_tax: line_tax(line_amount);

def sum: reduce .[] as $each (0; . + $each);

def lines: .LineItems // [];
def amounts_are: .LineAmountTypes // "Exclusive";

# Only `Exclusive` adds tax to the line amounts; `Inclusive` lines contain it, `NoTax` has none.
def total:
  (amounts_are == "Exclusive") as $on_top
  | reduce lines[] as $line (0;
      . + ($line | line_amount as $amount | if $on_top then $amount + line_tax($amount) else $amount end));

# A journal's lines contain their tax unless it says otherwise. Its total is the sum of its debits.
def journal_amounts:
  (.LineAmountTypes == "Exclusive") as $on_top
  | [(.JournalLines // [])[] | line_amount as $amount | if $on_top then $amount + line_tax($amount) else $amount end];

def journal_total: journal_amounts | map(select(. > 0)) | sum;

def journal_balanced: (journal_amounts | sum) == 0;

# The journal that takes a posted one back: of its date, with its sides exchanged. Options of tracking go by
# their names. Without tax Xero computes none, whatever a line states.
def journal_reversal:
  (.LineAmountTypes == "Exclusive" or .LineAmountTypes == "Inclusive") as $taxed
  | def filled: with_entries(select(.value != null));
  {
    Narration: "Reversal of \(.Narration)",
    Date: .Date,
    LineAmountTypes: .LineAmountTypes,
    Status: "POSTED",
    ShowOnCashBasisReports: .ShowOnCashBasisReports,
    JournalLines: [(.JournalLines // [])[] | {
      LineAmount: (0 - (.LineAmount | amount)),
      AccountCode: .AccountCode,
      Description: .Description,
      TaxType: .TaxType,
      TaxAmount: (if $taxed and .TaxAmount != null then 0 - (.TaxAmount | amount) else null end),
      Tracking: (if .Tracking == null then null else [.Tracking[] | {Name: .Name, Option: .Option}] end)
    } | filled]
  } | filled;

# --- what stands in the ledger ------------------------------------------------------------------

# What a posted document debits and credits, account by account, in the base currency: each line without
# its tax, rounded to cents by itself. Control accounts and tax are left out.
def postings:
  (if .Type == "ACCREC" or .Type == "ACCPAYCREDIT" then 0 - 1 else 1 end) as $sign
  | (.CurrencyRate | amount) as $rate
  | (.LineAmountTypes == "Inclusive") as $taxed
  | [
      ((.JournalLines // .LineItems) // [])[]
      | select((.AccountCode // "") != "")
      | (line_amount - (if $taxed then (.TaxAmount | amount) // 0 else 0 end)) as $net
      | {
          account: .AccountCode,
          amount: ($sign * (if $rate == null or $rate == 0 or $rate == 1 then $net else $net | div($rate; 2) end))
        }
      | select(.amount != 0)
    ];

# Over a row of the trial balance: the id of its account, and what it holds.
def balance_account:
  first(((.Cells // [])[0].Attributes // [])[] | select(.Id == "account") | .Value) // null
  | if . == null then null else ascii_downcase end;

def balance: (((.Cells // [])[3].Value | amount) // 0) - (((.Cells // [])[4].Value | amount) // 0);

# --- how cents are put right --------------------------------------------------------------------

# The document with `$difference` more tax, a cent at a time on the lines with the largest amounts.
# Null where tax does not change the total, where no line is taxed, or where a line cannot bear it.
def spread_tax($difference):
  ($difference * 100) as $cents
  | (if $cents < 0 then 0 - 1 else 1 end) as $sign
  | lines as $lines
  | (reduce $lines[] as $line ([]; . + [{at: length, line: $line}])) as $numbered
  | ($numbered
     | map(select((.line | line_rate) != 0 and (.line | line_amount) != 0))
     | sort_by(0 - (.line | line_amount | abs))) as $taxed
  | if amounts_are != "Exclusive" or ($cents | round(0)) != $cents or ($taxed | length) == 0 then null
    elif $cents == 0 then .
    else
      (reduce $taxed[] as $each ({left: ($cents | abs), lines: ($taxed | length), shares: []};
        . as $so_far
        | ($so_far.left | div($so_far.lines; 0)) as $even
        | (if $even * $so_far.lines < $so_far.left then $even + 1 else $even end) as $share
        | {
            left: ($so_far.left - $share),
            lines: ($so_far.lines - 1),
            shares: ($so_far.shares + [{at: $each.at, more: ($share * $sign * 0.01)}])
          })
       | .shares) as $shares
      | ($numbered | map(
          . as $each
          | ([$shares[] | select(.at == $each.at) | .more] | sum) as $more
          | if $more == 0 then .line else .line + {TaxAmount: ((.line | line_tax) + $more)} end)) as $changed
      # Xero refuses a tax above the line's own amount; a tax of the other sign is never right.
      | if ($changed | all((line_amount * line_tax) >= 0 and (line_tax | abs) <= (line_amount | abs)))
        then . + {LineItems: $changed}
        else null end
    end;

# The document with one more line that carries `$difference` and no tax.
def rounding_line($difference; $account):
  . + {LineItems: (lines + [
    {Description: "Rounding", Quantity: 1, UnitAmount: $difference, AccountCode: $account}
    + (if amounts_are == "NoTax" then {} else {TaxAmount: 0} end)])};

# --- differences of documents that may not change ---------------------------------------------------

# The lines by which `$now` differs from `$before`, two forms of one document as they are sent, each
#   description, amount, account, tax, tracking   of a line with quantity 1
#   tax_amount   0 for what is outside of the tax; what the stated taxes differ by, where all lines state theirs;
#                else null: Xero reckons it
# One for each account, tax type and tracking. `$sign` is 1 for what became more, -1 for what became less.
def difference_lines($before; $now; $sign):
  def each_of($old; $factor):
    lines[] | line_amount as $amount
    | ((.TaxType // "") == "" and (.TaxAmount | amount) == 0) as $untaxed
    | {
        key: ([.AccountCode, .TaxType, .Tracking, $untaxed] | tojson),
        line: .,
        untaxed: $untaxed,
        before: (if $old then $amount else 0 end),
        now: (if $old then 0 else $amount end),
        amount: ($factor * $amount),
        stated: (if .TaxAmount == null then null else $factor * (.TaxAmount | amount) end)
      };
  [($now | each_of(false; $sign)), ($before | each_of(true; 0 - $sign))] as $all
  | (reduce $all[] as $each ({keys: [], groups: {}};
      if .groups[$each.key] == null
      then {keys: (.keys + [$each.key]), groups: (.groups + {($each.key): [$each]})}
      else {keys: .keys, groups: (.groups + {($each.key): (.groups[$each.key] + [$each])})} end)) as $grouped
  | [
      $grouped.keys[] as $key
      | $grouped.groups[$key] as $group
      | ($group | map(.amount) | sum) as $amount
      | select($amount != 0)
      | $group[0].line as $line
      | {
          description: "\($line.Description // "Difference"): \($group | map(.before) | sum) before, \($group | map(.now) | sum) now",
          amount: $amount,
          account: $line.AccountCode,
          tax: $line.TaxType,
          tracking: $line.Tracking,
          tax_amount: (
            if $group[0].untaxed and ($now | amounts_are) != "NoTax" then 0
            elif $group | all(.stated != null) then
              ($group | map(.stated) | sum) as $tax
              # Xero refuses a tax above the line's own amount, or of the other sign.
              | if $tax * $amount >= 0 and $tax * $tax <= $amount * $amount then $tax else null end
            else null end)
        }
    ];

# Whether the lines of both forms can be subtracted from each other.
def differs_in_lines($before; $now):
  ($before | amounts_are) == ($now | amounts_are)
  and $before.CurrencyCode == $now.CurrencyCode
  and ($before.Contact // {}).ContactID == ($now.Contact // {}).ContactID;

# --- what an invoice is settled with --------------------------------------------------------------

# Beside payments, in words.
def settled_otherwise:
  def told($list; $what): ($list // [])[] | "\($what) of \(.AppliedAmount // .Amount)";
  [
    told(.CreditNotes; "a credit note"),
    told(.Prepayments; "a prepayment"),
    told(.Overpayments; "an overpayment")
  ];

# Why a payment cannot be taken off, after "it".
def payment_fixed:
  if .Status == "DELETED" then "is deleted in Xero"
  elif .IsReconciled == true then "is reconciled with a bank statement"
  elif .BatchPayment != null or (.BatchPaymentID // "") != "" then "belongs to a batch payment"
  else null end;

# The rate that Xero took on the day of the payment; another day's would give another amount in the bank.
def payment_rate:
  if (.CurrencyRate | amount) == null or (.CurrencyRate | amount) == 1 then {}
  else {CurrencyRate: (.CurrencyRate | amount)} end;

# --- what Xero forbids: each gives the fault in words, or null ------------------------------------

def in_use: (.Status // "ACTIVE") == "ACTIVE";

# Accounts that Xero keeps for itself: control accounts and the bank revaluation accounts.
def kept_by_xero:
  (.SystemAccount // "") as $system
  | (["DEBTORS", "CREDITORS", "UNPAIDEXPCLM", "BANKCURRENCYGAIN", "UNREALISEDCURRENCYGAIN"] | any(. == $system));

def account_fault($code; $account):
  if $code == null then null
  elif $account == null then "Xero has no account with the code \($code)"
  elif ($account.Status // "") == "ARCHIVED" then "account \($code) is archived in Xero"
  elif ($account | in_use | not) then "account \($code) has been deleted in Xero"
  elif $account.Type == "BANK" then
    "account \($code) is a bank account, which cannot stand on a document's line"
  elif $account.Type == "INVENTORY" then
    "account \($code) belongs to Xero's own stock tracking; posting to it as well would count the cost of goods twice"
  elif ($account | kept_by_xero) then
    "account \($code) is kept by Xero itself, so no document's line can post to it"
  else null end;

# What a journal cannot post to, either.
def journal_account_fault($code; $account):
  account_fault($code; $account) as $fault
  | if $fault != null then $fault
    elif (($account // {}).SystemAccount // "") == "RETAINEDEARNINGS" then
      "account \($code) holds the retained earnings, which Xero keeps itself"
    else null end;

def journal_fault:
  if ((.JournalLines // []) | length) < 2 then "a journal needs two lines at least"
  elif journal_balanced then null
  else "the debits and credits of the journal differ by \(journal_amounts | sum)" end;

def payment_account_fault($shown; $account):
  if $shown == null then null
  elif $account == null then "Xero has no account \($shown)"
  elif ($account | in_use | not) then "account \($shown) is archived or deleted in Xero"
  elif $account.Type == "BANK" or $account.EnablePaymentsToAccount == true then null
  else "payments are not enabled on account \($shown) in Xero" end;

def account_remedy($code; $account):
  if $account == null then "Create account \($code) in Xero, or map to an account that exists"
  elif ($account | in_use | not) then "Restore account \($code) in Xero, or map to another account"
  elif $account.Type == "INVENTORY" then "Map to a current asset account kept for stock from outside Xero"
  else "Map to an ordinary account instead of \($code)" end;

def tax_fault($type; $rate):
  if $type == null then null
  elif $type == "USSALESTAX" or $type == "AVALARA" then
    "tax type \($type) is Xero's automatic sales tax, which cannot be set from outside"
  elif $rate == null then "Xero has no tax rate with the code \($type)"
  elif ($rate | in_use | not) then "tax rate \($type) is no longer in use in Xero"
  else null end;

def account_class:
  if (.Class // "") != "" then .Class
  else .Type as $type
    | if (["BANK", "CURRENT", "FIXED", "INVENTORY", "NONCURRENT", "PREPAYMENT"] | any(. == $type)) then "ASSET"
      elif (["CURRLIAB", "LIABILITY", "TERMLIAB", "PAYG"] | any(. == $type)) then "LIABILITY"
      elif $type == "EQUITY" then "EQUITY"
      elif (["DEPRECIATN", "DIRECTCOSTS", "EXPENSE", "OVERHEADS"] | any(. == $type)) then "EXPENSE"
      elif (["OTHERINCOME", "REVENUE", "SALES"] | any(. == $type)) then "REVENUE"
      else null end
  end;

def tax_fits($rate; $account):
  if $rate == null or $account == null then true
  else ($account | account_class) as $class
    | if $class == "ASSET" then $rate.CanApplyToAssets != false
      elif $class == "LIABILITY" then $rate.CanApplyToLiabilities != false
      elif $class == "EQUITY" then $rate.CanApplyToEquity != false
      elif $class == "EXPENSE" then $rate.CanApplyToExpenses != false
      elif $class == "REVENUE" then $rate.CanApplyToRevenue != false
      else true end
  end;

# Only active categories are listed, so an archived one counts as missing.
def tracking_fault($name; $option; $category):
  if $name == null then null
  elif $category == null then "Xero has no active tracking category named \"\($name)\""
  elif (($category.Options // []) | any(.Name == $option and in_use)) then null
  else "the tracking category \"\($name)\" has no active option \"\($option)\" in Xero" end;

# The same by ids.
def tracking_id_fault($id; $option; $category):
  if $id == null then null
  elif $category == null then "Xero has no active tracking category with the id \($id)"
  elif (($category.Options // []) | any((.TrackingOptionID // "" | ascii_downcase) == $option and in_use)) then null
  else "the tracking category \"\($category.Name)\" has no active option with the id \($option) in Xero" end;

def tracking_awaited($name; $option; $category):
  if $category == null then "tracking category \($name)"
  else "tracking option \($name): \($option)" end;

def currency_fault($code; $currency; $organisation):
  if $code == null or $currency != null or $code == ($organisation // {}).BaseCurrency then null
  else "the organisation does not subscribe to the currency \($code)" end;

# The stricter of the two lock dates: which of them binds depends on the role of the person who
# connected, and that can change.
def lock_date:
  [.PeriodLockDate, .EndOfYearLockDate]
  | map(select(. != null and . != ""))
  | if length == 0 then null else max_by(.) end;

def lock_fault($date; $organisation):
  (($organisation // {}) | lock_date) as $lock
  | if $date == null or $lock == null or $date > $lock then null
    else "the date \($date) lies in a closed period: Xero is locked up to and including \($lock)" end;

# A draft may go without.
def due_fault($status; $due):
  if ($status // "DRAFT") == "DRAFT" or ($due // "") != "" then null
  else "Xero wants a due date on a document that is more than a draft" end;

def contact_name: if (.Name // "") == "" then "the contact" else "the contact \"\(.Name)\"" end;

def contact_fault($contact):
  if $contact == null or ($contact.ContactStatus // "ACTIVE") == "ACTIVE" then null
  elif ($contact.MergedToContactID // "") != "" then
    "\($contact | contact_name) was merged into another one in Xero"
  else "\($contact | contact_name) is archived in Xero" end;
