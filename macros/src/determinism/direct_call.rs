//! `say_hello::run(..)`: the function as written, of which nothing is recorded.

use syn::Path;

use super::rule::Rule;
use super::walk::Walk;

const SAYS: &str = "`{path}` runs the function itself: nothing is recorded, and it runs again on every replay; write \
                    `{ctx}.call({definition}(..))`. If `{definition}` is a module of yours, give its function another name";

pub(super) fn check(walk: &Walk<'_>, path: &Path, names: &[String]) {
    let [.., definition, function] = names else {
        return;
    };
    let is_definition = function == "run"
        && definition.starts_with(|c: char| c.is_lowercase() || c == '_')
        && !["self", "super", "crate"].contains(&definition.as_str());
    if is_definition {
        let says = SAYS.replace("{definition}", definition);
        walk.report(Rule::DirectCall, path, &names.join("::"), &says);
    }
}
