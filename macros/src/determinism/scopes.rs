//! What the variables of a body are, as far as it tells: by their types, and by what they are made of.

use std::collections::HashMap;

use syn::ext::IdentExt;
use syn::visit::{self, Visit};
use syn::{Ident, Pat, PatIdent};

/// What is known of a value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Known {
    /// A `HashMap` or `HashSet` with the hasher of the standard library.
    Hash,
    /// The context of the orchestrator, or a reference to it.
    Context,
    #[default]
    Nothing,
}

/// A variable.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Variable {
    pub(super) known: Known,
    /// The number of the future in it that must be used.
    pub(super) future: Option<usize>,
}

impl From<Known> for Variable {
    fn from(known: Known) -> Self {
        Self {
            known,
            future: None,
        }
    }
}

/// The variables of the blocks around, the innermost last.
#[derive(Debug, Default)]
pub(super) struct Scopes(Vec<HashMap<String, Variable>>);

impl Scopes {
    pub(super) fn enter(&mut self) {
        self.0.push(HashMap::new());
    }

    pub(super) fn leave(&mut self) {
        self.0.pop();
    }

    /// Notes the names of a pattern. Only a name that stands alone is the value itself.
    pub(super) fn bind(&mut self, pattern: &Pat, known: Known) {
        struct Names<'a>(&'a mut Scopes);
        impl<'ast> Visit<'ast> for Names<'_> {
            fn visit_pat_ident(&mut self, name: &'ast PatIdent) {
                self.0.add(&name.ident, Variable::default());
                visit::visit_pat_ident(self, name);
            }
        }
        match name(pattern) {
            Some(name) => self.add(name, known.into()),
            None => Names(self).visit_pat(pattern),
        }
    }

    pub(super) fn add(&mut self, name: &Ident, variable: Variable) {
        if let Some(scope) = self.0.last_mut() {
            scope.insert(name.unraw().to_string(), variable);
        }
    }

    /// `None` when there is no variable of this name.
    pub(super) fn get(&self, name: &str) -> Option<Variable> {
        let mut scopes = self.0.iter().rev();
        scopes.find_map(|scope| scope.get(name)).copied()
    }
}

/// The name that a pattern gives to the whole value.
pub(super) fn name(pattern: &Pat) -> Option<&Ident> {
    match pattern {
        Pat::Ident(name) if name.subpat.is_none() => Some(&name.ident),
        Pat::Type(typed) => name(&typed.pat),
        Pat::Reference(reference) => name(&reference.pat),
        Pat::Paren(inner) => name(&inner.pat),
        _ => None,
    }
}
