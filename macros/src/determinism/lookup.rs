//! Looks names up in the catalog.

use syn::{Macro, Path, QSelf, Type};

use super::catalog::{HARMLESS, LOG, MACROS, METHODS, PATHS, SEEDED, WITHOUT_ARGUMENTS};
use super::direct_call;
use super::invocation;
use super::names::{self, matches, plain};
use super::rule::Rule;
use super::walk::Walk;

/// How a path is used.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Use {
    Called,
    /// Called with a reference to the context, as no definition is.
    Helper,
    Value,
}

impl Walk<'_> {
    /// Looks at a path, of this type when it is `<Type>::name`.
    pub(super) fn path(&mut self, path: &Path, of: Option<&QSelf>, used: Use) {
        let mut names = names::segments(path);
        if let Some(of) = of
            && let Type::Path(ty) = &*of.ty
        {
            // Of `<Type as Trait>::name` the trait is left out.
            names.splice(..of.position, names::segments(&ty.path));
        }
        if used != Use::Helper {
            direct_call::check(self, path, &names);
        }
        if let [name] = names.as_slice() {
            self.use_of(name);
            let is_variable = self.scopes.get(name).is_some();
            if is_variable || (used == Use::Value && !self.names.is_imported(name)) {
                return;
            }
        }
        self.named(path, names);
    }

    fn named(&self, path: &Path, names: Vec<String>) {
        let is_seeded = names
            .last()
            .is_some_and(|last| SEEDED.contains(&last.as_str()));
        if is_seeded {
            return;
        }
        let is_function = |names: &[String]| {
            names
                .last()
                .is_some_and(|last| last.starts_with(char::is_lowercase))
        };
        for (index, meaning) in self.names.meanings_of(names).into_iter().enumerate() {
            if HARMLESS.iter().any(|pattern| matches(pattern, &meaning)) {
                continue;
            }
            // A name that may come out of a module imported whole must be listed: it can also be a variable.
            let group = PATHS.iter().find(|group| {
                group.paths.iter().any(|pattern| {
                    matches(pattern, &meaning)
                        && (!pattern.ends_with('*') || (index == 0 && is_function(&meaning)))
                })
            });
            if let Some(group) = group {
                self.report(group.rule, path, &plain(path), group.says);
                return;
            }
        }
    }

    pub(super) fn without_arguments(&self, path: &Path) {
        let (rule, says, pattern) = WITHOUT_ARGUMENTS;
        let written = &self.names.meanings(path)[0];
        // In full it is among the paths.
        if written.len() == 2 && matches(pattern, written) {
            self.report(rule, path, &plain(path), says);
        }
    }

    pub(super) fn method(&self, name: &syn::Ident, arguments: Option<usize>) {
        let found = METHODS.iter().find(|(.., method, count)| {
            name == method && (count.is_none() || arguments.is_none() || *count == arguments)
        });
        if let Some((rule, says, ..)) = found {
            self.report(*rule, name, &format!(".{name}"), says);
        }
    }

    /// Looks at the name of a macro.
    pub(super) fn macro_name(&self, call: &Macro) {
        let path = &call.path;
        let meaning = self.names.meanings(path).swap_remove(0);
        let names: Vec<_> = meaning.iter().map(String::as_str).collect();
        let Some(last) = names.last() else { return };
        let is_log = matches!(names.as_slice(), ["log", _]);
        let named = MACROS
            .iter()
            .chain(is_log.then_some(&LOG))
            .find(|(.., macros)| macros.contains(last));
        if let Some((rule, says, _)) = named {
            self.report(*rule, path, &plain(path), says);
        } else if *last == "select" && !names[0].starts_with("crossbeam") {
            self.select(call, names[0]);
        } else if names.len() > 1 {
            self.named(path, names::segments(path));
        }
    }

    fn select(&self, call: &Macro, of: &str) {
        if invocation::is_biased(call) {
            return;
        }
        let says = if of.starts_with("futures") {
            "`{path}!` looks at its branches in a random order, so that a replay may go another way: write `select_biased!`, or \
             `{ctx}.race((..))`"
        } else {
            "`{path}!` looks at its branches in a random order, so that a replay may go another way: write `biased;` as its first \
             line (`select_biased!` for that of `futures`), or `{ctx}.race((..))`"
        };
        self.report(Rule::Select, &call.path, &plain(&call.path), says);
    }
}
