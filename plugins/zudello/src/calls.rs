//! Addresses and headers of calls, all of them from the settings.

use ledgerline_plugin_api::prelude::*;
use ledgerline_plugin_api::sdk::percent_encode;

use crate::Zudello;
use crate::settings::UpdateMethod;

impl Zudello {
    /// The credential slot, and whose documents are meant.
    pub(crate) fn call(&self, request: Request) -> Request {
        let request = request.auth("api").header("Accept", "application/json");
        let context = self.settings.context();
        context.fold(request, |request, (name, value)| {
            request.header(name, value)
        })
    }

    pub(crate) fn url(&self, path: &str) -> String {
        let slash = if path.starts_with('/') { "" } else { "/" };
        format!("{}{slash}{path}", self.base_url.trim_end_matches('/'))
    }

    /// The address of something of one document.
    pub(crate) fn url_of(&self, path: &str, uuid: &str) -> String {
        self.url(&path.replace("{uuid}", &percent_encode(uuid)))
    }

    /// The address of a list of master data.
    pub(crate) fn url_of_list(&self, name: &str) -> String {
        let path = &self.settings.paths.resource;
        self.url(&path.replace("{resource}", name))
    }

    /// One transaction, its relations expanded.
    pub(crate) fn get_request(&self, uuid: &str) -> Request {
        self.call(Request::get(self.url_of(&self.settings.paths.get, uuid)))
    }

    pub(crate) fn update_request(&self, uuid: &str) -> Request {
        let url = self.url_of(&self.settings.paths.update, uuid);
        self.call(match self.settings.update_method {
            UpdateMethod::Patch => Request::patch(url),
            UpdateMethod::Put => Request::put(url),
            UpdateMethod::Post => Request::post(url),
        })
    }
}
