# What a document of Zudello means to the books. Bound as `zudello::` in mappings and in this manifest;
# every function reads one document (or, where it says so, one value) and changes nothing.
#
# `$settings` are the settings of the Zudello connection.

# --- values ---------------------------------------------------------------------------------------

def setting($name; $default):
  (($settings // {})[$name]) as $value
  | if $value == null or $value == "" then $default else $value end;

# Text without spaces at its ends; null when nothing is left.
def plain:
  if . == null then null
  else tostring | trim | if . == "" then null else . end end;

# Text on one line: names are compared and written so.
def one_line:
  plain
  | if . == null then null
    else split("\n") | join(" ") | split("\t") | join(" ") | split(" ") | map(select(. != "")) | join(" ") end;

# Decimals come as numbers or as text. Nothing counts as zero.
def amount: tonumber(0);

# 2.0000 → 2
def shortest: . / 1;

# A calendar date. Zudello writes dates without a time; midnight is taken for one, too.
def date:
  plain
  | if . == null or test("^[0-9]{4}-[0-9]{2}-[0-9]{2}$") then .
    elif test("^[0-9]{4}-[0-9]{2}-[0-9]{2}[T ]00:00:00([.]0+)?(Z|[+-]00:00)?$") then split("T")[0] | split(" ")[0]
    else error("\(.) is not a calendar date such as 2026-10-31") end;

# --- relations: null, an id, or an object -----------------------------------------------------------

def relation($name): .[$name] | if type == "object" then . else null end;

# The id of a related record, in whichever form it came.
def id($name):
  .[$name] as $it
  | if ($it | type) == "object" then $it.uuid | plain
    elif ($it | type) == "string" then $it | plain
    else .[$name + "_uuid"] | plain end;

def code($name): (relation($name) // {}).code | plain;

# There is a related record, but nothing of it except its id.
def bare($name): relation($name) == null and id($name) != null;

# --- states -----------------------------------------------------------------------------------------

def status: .status | plain;
def done_status: setting("done-status"; "COMPLETE");
def failed_status: setting("failed-status"; "UNABLE_TO_PROCESS");
def pickup_statuses: setting("pickup-statuses"; ["PENDING_ERP"]);

# Waits for the books, or is in them.
def is_released: status as $status | (pickup_statuses + [done_status]) | any(. == $status);

# A credit note of sales, wherever the list was not narrowed to them.
def is_credit_note:
  def is($setting; $default): . == null or ascii_upcase == (setting($setting; $default) | ascii_upcase);
  (.module | plain | is("module"; "SALES")) and (.submodule | plain | is("submodule"; "CREDIT"));

# --- who --------------------------------------------------------------------------------------------

# Of a customer. Zudello's own mapping takes the legal name.
def customer_name: (.legal_name | one_line) // (.trading_name | one_line);

# Of a document.
def party: (relation("customer") // {} | customer_name) // (.company_name | one_line);

def is_active:
  (.status | plain) as $status
  | setting("active-statuses"; ["COMPLETE", "ACTIVE"]) | any(. == $status);

# --- money --------------------------------------------------------------------------------------------

# Credits are positive in Zudello, but some are entered with a minus. Those are turned once, all of
# their lines together: turning each line to a plus would spoil credits of mixed signs.
def sign:
  if (.total | amount) < 0 and setting("negative-total"; "flip") == "flip" then -1 else 1 end;

def total: if .total == null or .total == "" then null else sign * (.total | amount) end;

def is_landed_cost: (.line_type | plain) // "" | ascii_upcase == "LANDED_COST";

# Turns a line: its quantity where that is negative, else its price.
def turned:
  def minus($name): if has($name) and .[$name] != null and .[$name] != "" then .[$name] = 0 - (.[$name] | amount) else . end;
  (if (.quantity | amount) < 0 then minus("quantity") else minus("unit_price") end)
  | minus("total") | minus("total_exclusive") | minus("tax_amount");

# The document's lines in the order of the document, landed cost after the goods, each in Zudello's own
# words. Landed cost may stand among the lines or in a list of its own.
def lines:
  sign as $sign
  | ((.lines // []) | sort_by(.line_number | amount)) as $lines
  | (.landed_costs // []) as $apart
  | ($lines | map(select(is_landed_cost | not)))
    + ($lines | map(select(is_landed_cost)))
    + ($apart | sort_by(.line_number | amount))
  | if $sign < 0 then map(turned) else . end;

# Of a line: quantity. Without one it is one piece.
def quantity: if .quantity == null or .quantity == "" then 1 else .quantity | amount end;

# Of a line: what makes the line's total with its quantity. It has the tax basis of the totals, which
# the printed unit price need not have.
def unit_price_from_total:
  quantity as $quantity
  | (.total | amount) as $total
  | if $quantity == 0 then $total else $total | div($quantity; 4) end;

# Of a line: `location` or `subsidiary`, the document's where the line has none.
def dimension($document; $name):
  if relation($name) != null or bare($name) then relation($name) else $document | relation($name) end;

# Of a document: what stops it because Zudello gave only an id of it, in words; null when nothing does.
def bare_relation:
  . as $document
  | def of($names): . as $it | [$names[] | . as $name | select($it | bare($name))] | first;
  (of(["currency", "location", "subsidiary"])) as $header
  | if $header != null then "its \($header)"
    else
      [lines[] | {line: .line_number, name: of(["account", "tax_rate", "item", "location", "subsidiary"])} | select(.name != null)]
      | first
      | if . == null then null else "the \(.name | split("_") | join(" ")) of line \(.line)" end
    end;

# Of a document: the first line without a value, by its number; null when all have one.
def line_without(has): [lines[] | select(has | not) | "\(.line_number // "?")"] | first;
