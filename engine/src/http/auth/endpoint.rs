//! Where a vendor's OAuth endpoints are.
//!
//! When a connection lives at another base URL than the manifest says (a stand-in, a gateway), so
//! do its endpoints: the path of the manifest's URL, below what stands before the API there.

use ledgerline_plugin_api::manifest::AuthSlot;
use url::Url;

use crate::http::guard::check_scheme;

/// The address of an endpoint that takes client credentials. Only made by [`Endpoints::new`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::http) struct TokenEndpoint(Url);

impl TokenEndpoint {
    pub(in crate::http) fn url(&self) -> &Url {
        &self.0
    }
}

/// The endpoints of one slot for one connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::http) struct Endpoints {
    pub(in crate::http) authorize: Url,
    pub(in crate::http) token: TokenEndpoint,
    pub(in crate::http) revoke: Option<TokenEndpoint>,
}

impl Endpoints {
    /// `usual` is the manifest's base URL, `instead` the connection's own.
    pub(in crate::http) fn new(
        slot: &AuthSlot,
        usual: Option<&Url>,
        instead: Option<&Url>,
    ) -> Result<Option<Self>, String> {
        let AuthSlot::Oauth2 {
            authorize_url,
            token_url,
            revoke_url,
            ..
        } = slot
        else {
            return Ok(None);
        };
        let place = |text: &str| {
            let url = place(text, usual, instead)?;
            check_scheme(&url).map_err(|why| format!("the address {url}: {why}"))?;
            Ok::<_, String>(url)
        };
        Ok(Some(Self {
            authorize: place(authorize_url)?,
            token: TokenEndpoint(place(token_url)?),
            revoke: revoke_url
                .as_deref()
                .map(place)
                .transpose()?
                .map(TokenEndpoint),
        }))
    }
}

fn place(text: &str, usual: Option<&Url>, instead: Option<&Url>) -> Result<Url, String> {
    let absolute = Url::parse(text).ok();
    match (absolute, instead, usual) {
        (Some(url), None, _) => Ok(url),
        (absolute, Some(instead), _) => {
            let path = absolute.as_ref().map_or(text, Url::path);
            let query = absolute.as_ref().and_then(Url::query);
            // What the connection's base URL has in common with the manifest's is the API's own
            // path; the rest is where the whole vendor was moved to.
            let api = usual
                .map(Url::path)
                .unwrap_or_default()
                .trim_end_matches('/');
            let moved = instead.path().trim_end_matches('/');
            let moved = moved.strip_suffix(api).unwrap_or(moved);
            let mut url = instead.clone();
            url.set_path(&format!("{}/{}", moved, path.trim_start_matches('/')));
            url.set_query(query);
            Ok(url)
        }
        (None, None, Some(usual)) => usual
            .join(text)
            .map_err(|error| format!("the address {text} cannot be read: {error}")),
        (None, None, None) => Err(format!(
            "the address {text} is a path, and the connector has no base URL"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoints_move_with_the_base_url() {
        let cases = [
            // manifest's URL, manifest's base, connection's base, placed
            (
                "https://id.acme.example/connect/token",
                None,
                None,
                "https://id.acme.example/connect/token",
            ),
            (
                "https://id.acme.example/connect/token",
                Some("https://api.acme.example/"),
                Some("http://127.0.0.1:4000"),
                "http://127.0.0.1:4000/connect/token",
            ),
            (
                "https://id.acme.example/connect/token?v=2",
                Some("https://api.acme.example/api/2.0"),
                Some("http://127.0.0.1:4000/acme/api/2.0/"),
                "http://127.0.0.1:4000/acme/connect/token?v=2",
            ),
            (
                "/connect/token",
                Some("https://api.acme.example/api/2.0"),
                Some("http://127.0.0.1:4000/stand-in"),
                "http://127.0.0.1:4000/stand-in/connect/token",
            ),
            (
                "/connect/token",
                Some("https://api.acme.example/api/2.0"),
                None,
                "https://api.acme.example/connect/token",
            ),
        ];
        for (text, usual, instead, expected) in cases {
            let parse = |it: Option<&str>| it.map(|it| Url::parse(it).unwrap());
            let placed = place(text, parse(usual).as_ref(), parse(instead).as_ref()).unwrap();
            assert_eq!(placed.as_str(), expected, "{text} for {instead:?}");
        }
        assert!(place("/connect/token", None, None).is_err());
    }

    #[test]
    fn secrets_never_go_over_plain_http_to_another_machine() {
        let slot = AuthSlot::Oauth2 {
            grants: Vec::new(),
            authorize_url: "https://id.acme.example/a".to_owned(),
            token_url: "http://id.acme.example/t".to_owned(),
            revoke_url: None,
            disconnect_url: None,
            scopes: Vec::new(),
            client_in_basic: true,
            renew_before_seconds: 120,
        };
        let error = Endpoints::new(&slot, None, None).unwrap_err();
        assert!(error.contains("plain http"), "{error}");
        assert!(
            Endpoints::new(&AuthSlot::Basic {}, None, None)
                .unwrap()
                .is_none()
        );
    }
}
