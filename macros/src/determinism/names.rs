//! What a path in the body means, as far as the body tells: its own `use` declarations are followed, those of the module cannot
//! be seen.

use std::collections::HashMap;

use syn::ext::IdentExt;
use syn::visit::{self, Visit};
use syn::{Block, Item, ItemType, ItemUse, Meta, Path, Type, TypePath, UseTree};

/// The names that `use` declarations and aliases of types in a body bring.
#[derive(Debug, Default)]
pub(super) struct Names {
    /// By the name that they have in the body.
    imported: HashMap<String, Vec<String>>,
    /// Modules whose names are all there.
    globs: Vec<Vec<String>>,
}

impl Names {
    pub(super) fn of(body: &Block) -> Self {
        let mut names = Self::default();
        names.visit_block(body);
        names
    }

    /// Whether a name of the body is one of another place.
    pub(super) fn is_imported(&self, name: &str) -> bool {
        self.imported.contains_key(name) || !self.globs.is_empty()
    }

    /// What a path may mean: as it is written or imported by name, then out of a module that is imported whole.
    pub(super) fn meanings(&self, path: &Path) -> Vec<Vec<String>> {
        self.meanings_of(segments(path))
    }

    pub(super) fn meanings_of(&self, segments: Vec<String>) -> Vec<Vec<String>> {
        let imported = segments.first().and_then(|first| self.imported.get(first));
        let written = match imported {
            Some(full) => full.iter().chain(&segments[1..]).cloned().collect(),
            None => segments,
        };
        let globs = self
            .globs
            .iter()
            .map(|module| module.iter().chain(&written).cloned().collect());
        let mut meanings: Vec<Vec<String>> = globs.collect();
        meanings.insert(0, written);
        for meaning in &mut meanings {
            if let Some(first) = meaning.first_mut()
                && (first == "core" || first == "alloc")
            {
                "std".clone_into(first);
            }
        }
        meanings
    }

    fn add(&mut self, module: &[String], tree: &UseTree) {
        let within = |name: &syn::Ident| {
            let mut path = module.to_vec();
            if name != "self" {
                path.push(name.unraw().to_string());
            }
            path
        };
        match tree {
            UseTree::Path(path) => self.add(&within(&path.ident), &path.tree),
            UseTree::Name(name) => {
                let path = within(&name.ident);
                if let Some(last) = path.last() {
                    self.imported.insert(last.clone(), path);
                }
            }
            UseTree::Rename(rename) => {
                self.imported
                    .insert(rename.rename.unraw().to_string(), within(&rename.ident));
            }
            UseTree::Glob(_) if self.globs.iter().any(|glob| glob == module) => {}
            UseTree::Glob(_) => self.globs.push(module.to_vec()),
            UseTree::Group(group) => group.items.iter().for_each(|tree| self.add(module, tree)),
        }
    }
}

impl<'ast> Visit<'ast> for Names {
    fn visit_item_use(&mut self, item: &'ast ItemUse) {
        self.add(&[], &item.tree);
    }

    fn visit_item_type(&mut self, item: &'ast ItemType) {
        if let Type::Path(TypePath {
            qself: None, path, ..
        }) = &*item.ty
        {
            let name = item.ident.unraw().to_string();
            self.imported.insert(name, segments(path));
        }
    }

    fn visit_item(&mut self, item: &'ast Item) {
        if !is_elsewhere(item) {
            visit::visit_item(self, item);
        }
    }
}

/// Whether an item is no code of the orchestrator: what is marked is looked at by its own attribute, and a test is no part of it.
pub(super) fn is_elsewhere(item: &Item) -> bool {
    let attrs = match item {
        Item::Fn(function) => &function.attrs,
        Item::Mod(module) => &module.attrs,
        _ => return false,
    };
    attrs.iter().any(|attr| {
        let is_test = matches!(&attr.meta, Meta::List(list)
            if list.path.is_ident("cfg") && list.tokens.to_string() == "test");
        let last = attr.path().segments.last();
        is_test || last.is_some_and(|last| last.ident == "activity" || last.ident == "orchestrator")
    })
}

/// A path as it was written, without the arguments of its types.
pub(super) fn plain(path: &Path) -> String {
    segments(path).join("::")
}

/// The names of a path without its arguments.
pub(super) fn segments(path: &Path) -> Vec<String> {
    path.segments
        .iter()
        .map(|segment| segment.ident.unraw().to_string())
        .collect()
}

/// Whether names are those of a pattern of the catalog.
pub(super) fn matches(pattern: &str, names: &[String]) -> bool {
    if let Some(module) = pattern.strip_suffix("::*") {
        let module: Vec<&str> = module.split("::").collect();
        return names.len() > module.len() && names.iter().zip(&module).all(|(a, b)| a == b);
    }
    // Most patterns are of something else: it is cheap to see.
    if names.last().is_none_or(|last| !pattern.ends_with(last)) {
        return false;
    }
    let (module, enough) = pattern.split_once('|').unwrap_or(("", pattern));
    let enough: Vec<&str> = enough.split("::").collect();
    let full: Vec<&str> = module
        .split("::")
        .filter(|name| !name.is_empty())
        .chain(enough.iter().copied())
        .collect();
    names.len() >= enough.len()
        && names.len() <= full.len()
        && names
            .iter()
            .rev()
            .zip(full.iter().rev())
            .all(|(a, b)| a == b)
}

#[cfg(test)]
mod tests {
    use syn::parse_quote;

    use super::*;

    fn names(path: &str) -> Vec<String> {
        path.split("::").map(str::to_owned).collect()
    }

    #[test]
    fn a_path_is_known_by_enough_of_its_end() {
        let pattern = "std::time::|SystemTime::now";
        for path in [
            "SystemTime::now",
            "time::SystemTime::now",
            "std::time::SystemTime::now",
        ] {
            assert!(matches(pattern, &names(path)), "{path}");
        }
        for path in [
            "now",
            "clock::SystemTime::now",
            "a::std::time::SystemTime::now",
            "SystemTime::from",
        ] {
            assert!(!matches(pattern, &names(path)), "{path}");
        }
        assert!(matches("tokio::spawn", &names("tokio::spawn")));
        assert!(!matches("tokio::spawn", &names("spawn")));
        assert!(matches("rand::*", &names("rand::random")));
        assert!(matches("rand::*", &names("rand::rngs::StdRng::new")));
        assert!(!matches("rand::*", &names("rand")));
        assert!(!matches("rand::*", &names("random::rand::x")));
    }

    #[test]
    fn imports_in_the_body_are_followed() {
        let body: Block = parse_quote!({
            use core::time;
            use std::{
                fs::{self as files, *},
                thread,
            };
            {
                use rand::random as roll;
            }
        });
        let found = Names::of(&body);
        let meanings = |path: &str| {
            let path = syn::parse_str(path).unwrap();
            found
                .meanings(&path)
                .into_iter()
                .map(|names| names.join("::"))
                .collect::<Vec<_>>()
        };
        assert_eq!(meanings("thread::sleep")[0], "std::thread::sleep");
        assert_eq!(meanings("files::read")[0], "std::fs::read");
        assert_eq!(meanings("read"), ["read", "std::fs::read"]);
        assert_eq!(meanings("roll")[0], "rand::random");
        assert_eq!(
            meanings("time::SystemTime::now")[0],
            "std::time::SystemTime::now"
        );
    }
}
