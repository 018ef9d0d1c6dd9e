//! Connecting an account, as it is asked for and answered: step by step, so that whoever stands
//! between (a command, a page) can be interrupted anywhere and go on later.

use ledgerline_plugin_api::manifest::Account;
use serde::{Deserialize, Serialize};

/// One step of connecting an account.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ConnectRequest {
    /// The connection.
    pub connection: String,
    /// What is to be done.
    pub step: ConnectStep,
}

/// What is to be done.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ConnectStep {
    /// Finds out where the connection stands, and asks for a consent where one is needed.
    Begin {
        /// Asks although there is a consent that works: for another organisation, other scopes.
        again: bool,
    },
    /// Takes the address that the vendor sent the browser back to.
    Redirected {
        /// The address, whole or from its query on. Holds a secret.
        address: String,
    },
    /// Lists the accounts that can be reached.
    Accounts,
    /// Proves an account and pins the connection to it.
    Pin {
        /// Its id.
        account: String,
    },
    /// Gives the account and the consent back, and forgets both.
    Undo,
}

impl std::fmt::Debug for ConnectStep {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Begin { again } => f.debug_struct("Begin").field("again", again).finish(),
            Self::Redirected { .. } => f.write_str("Redirected(…)"),
            Self::Accounts => f.write_str("Accounts"),
            Self::Pin { account } => f.debug_struct("Pin").field("account", account).finish(),
            Self::Undo => f.write_str("Undo"),
        }
    }
}

/// What came of a step.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Connecting {
    /// A person must agree at this address.
    Ask {
        /// Where.
        address: String,
        /// Where the browser comes back to.
        redirect: String,
        /// The same address was shown by an earlier attempt.
        again: bool,
        /// Why the consent that was there does not do.
        reason: Option<String>,
    },
    /// There are tokens that work.
    Ready,
    /// The address holds no answer to the question that is open; the question stays open.
    Stray {
        /// In plain words.
        why: String,
    },
    /// There will be no tokens from this question.
    Denied {
        /// In plain words.
        why: String,
        /// What to do.
        remedy: String,
    },
    /// The accounts that can be reached.
    Accounts(Vec<Offered>),
    /// The connection is pinned to this account.
    Pinned(Pinned),
    /// It is undone: what was done, line by line.
    Undone(Vec<String>),
}

impl std::fmt::Debug for Connecting {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            // The address is for the person who is to agree, and nobody else.
            Self::Ask { redirect, .. } => {
                f.debug_struct("Ask").field("redirect", redirect).finish()
            }
            Self::Ready => f.write_str("Ready"),
            Self::Stray { why } => f.debug_tuple("Stray").field(why).finish(),
            Self::Denied { why, .. } => f.debug_tuple("Denied").field(why).finish(),
            Self::Accounts(it) => f.debug_tuple("Accounts").field(it).finish(),
            Self::Pinned(it) => it.fmt(f),
            Self::Undone(it) => f.debug_tuple("Undone").field(it).finish(),
        }
    }
}

/// An account that can be reached.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Offered {
    /// What the vendor says of it.
    pub account: Account,
    /// The connection is pinned to it.
    pub pinned: bool,
    /// What speaks against it, or is to be known before it is chosen.
    pub warnings: Vec<String>,
}

/// A connection that stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Pinned {
    /// The account.
    pub account: Account,
    /// Where the pin is written.
    pub place: String,
    /// It was written just now.
    pub new: bool,
    /// What is to be known.
    pub warnings: Vec<String>,
}
