//! What the target will compute must equal what the source says. Cents of difference are put right
//! where the route allows it, and the document is held where it does not.
//!
//! Order and bounds stand above every setting: first the tax of single lines is stated, so that the
//! tax agrees with the source's; only then one labelled line, and never of more than two cents.

use ledgerline_plugin_api::manifest::{Category, Problem};
use rust_decimal::Decimal;

use super::{
    jq::EvalError,
    rules::{RulesCx, StreamRules},
    value::Value,
};
use crate::config::checked::{Rounding, RoundingPolicy};

/// A document whose total agrees with the source's, or differs as far as the route lets it.
#[derive(Debug, PartialEq)]
pub struct Reconciled {
    /// What is to be sent.
    pub document: Value,
    /// What the target will compute as its total; none where no rule says.
    pub total: Option<Decimal>,
    /// What was put right or left different.
    pub notice: Option<String>,
}

/// Largest rounding line, in the document's currency.
const LARGEST_LINE: Decimal = Decimal::from_parts(2, 0, 0, false, 2);

/// Compares the total that the target will compute from a mapped document with the source's, and
/// puts a difference right by the route's policy.
pub fn reconcile(
    rules: &StreamRules,
    mapped: Value,
    source_total: Decimal,
    rounding: &Rounding,
    cx: RulesCx<'_>,
) -> Result<Reconciled, Problem> {
    let total = |document: &Value| rules.total(document, cx).map_err(|it| defect(&it));
    // A target without a rule for totals computes none.
    let Some(computed) = total(&mapped)? else {
        return Ok(Reconciled {
            document: mapped,
            total: None,
            notice: None,
        });
    };
    let reconciled = |document: Value, total: Decimal, notice: Option<String>| Reconciled {
        document,
        total: Some(total),
        notice,
    };
    let difference = source_total - computed;
    if difference.is_zero() {
        return Ok(reconciled(mapped, computed, None));
    }
    let said = format!(
        "the source's total is {source_total}, the target would compute {computed}: \
         a difference of {difference}"
    );
    let held = |why: String| Problem {
        category: Category::Amount,
        field: None,
        cause: format!("{said}{why}"),
        remedy: "Compare the lines and the tax in the source with what would be sent (`map`); \
                 correct the document, its tax rates or the route's rounding"
            .to_owned(),
    };
    if difference.abs() > rounding.limit {
        return Err(held(format!(
            ", above the route's limit of {}",
            rounding.limit
        )));
    }
    let agrees = |document: &Value| Ok::<_, Problem>(total(document)? == Some(source_total));
    if rounding.policy == RoundingPolicy::Hold {
        let notice = format!("{said}, within the route's limit");
        return Ok(reconciled(mapped, computed, Some(notice)));
    }
    let stated = rules
        .adjust_tax(&mapped, difference, cx)
        .map_err(|it| defect(&it))?;
    if let Some(document) = stated
        && agrees(&document)?
    {
        let notice = format!(
            "tax amounts are stated on lines so that the total is {source_total}; \
                 the target's own rounding gives {computed}"
        );
        return Ok(reconciled(document, source_total, Some(notice)));
    }
    if rounding.policy == RoundingPolicy::TaxAmounts {
        return Err(held(
            ", which stating tax amounts on its lines cannot put right".to_owned(),
        ));
    }
    if difference.abs() > LARGEST_LINE {
        return Err(held(format!(
            ", more than a rounding line may have ({LARGEST_LINE})"
        )));
    }
    let account = rounding.account.as_deref();
    let line = rules
        .rounding_line(&mapped, difference, account, cx)
        .map_err(|it| defect(&it))?;
    match line {
        Some(document) if agrees(&document)? => {
            let notice = format!(
                "a rounding line of {difference} was added so that the total is {source_total}"
            );
            Ok(reconciled(document, source_total, Some(notice)))
        }
        _ => Err(held(", which a rounding line cannot put right".to_owned())),
    }
}

fn defect(error: &EvalError) -> Problem {
    Problem {
        category: Category::Defect,
        field: None,
        cause: format!("the total that the target will compute is not known: {error}"),
        remedy: "Compare the mapped document (`map`) with what the target takes".to_owned(),
    }
}
