//! Statics that change: their value is not in history, and another one after a restart.

use syn::visit::{self, Visit};
use syn::{Expr, ExprMethodCall, Item, PathSegment, StaticMutability, Type};

use super::names;
use super::rule::Rule;
use super::walk::{Walk, bare};

const SAYS: &str = "`{path}` can change while the orchestration runs, and is another after a restart: keep it in a local variable, which replay \
                    rebuilds, or behind an activity";

/// Types that change behind a shared reference. `LazyLock` is not among them: it has one value.
const CHANGING: &[&str] = &[
    "Mutex",
    "RwLock",
    "OnceLock",
    "OnceCell",
    "Cell",
    "RefCell",
    "UnsafeCell",
];

/// Methods that read or change such a value, and with how many arguments; any number where there is none.
const ACCESSES: &[(&str, Option<usize>)] = &[
    ("load", Some(1)),
    ("store", Some(2)),
    ("swap", Some(2)),
    ("fetch_add", None),
    ("fetch_sub", None),
    ("fetch_and", None),
    ("fetch_or", None),
    ("fetch_xor", None),
    ("fetch_max", None),
    ("fetch_min", None),
    ("fetch_update", None),
    ("compare_exchange", None),
    ("compare_exchange_weak", None),
    ("lock", Some(0)),
    ("try_lock", Some(0)),
    ("read", Some(0)),
    ("write", Some(0)),
    ("get", Some(0)),
    ("get_or_init", Some(1)),
    ("set", Some(1)),
    ("take", Some(0)),
    ("replace", Some(1)),
    ("with", Some(1)),
    ("with_borrow", Some(1)),
    ("with_borrow_mut", Some(1)),
];

/// A static that is declared in the body.
pub(super) fn check_item(walk: &Walk<'_>, item: &Item) {
    let Item::Static(item) = item else { return };
    let is_mut = matches!(item.mutability, StaticMutability::Mut(_));
    if is_mut || changes(&item.ty) {
        walk.report(Rule::Statics, &item.ident, &item.ident.to_string(), SAYS);
    }
}

/// A static of somewhere else, which is known by its name in capitals and by what is done with it.
pub(super) fn check_method(walk: &Walk<'_>, call: &ExprMethodCall) {
    let Expr::Path(path) = bare(&call.receiver) else {
        return;
    };
    let names = names::segments(&path.path);
    let is_static = names.last().is_some_and(|name| {
        name.len() > 1
            && name.starts_with(|c: char| c.is_ascii_uppercase())
            && !name.contains(|c: char| c.is_ascii_lowercase())
    });
    let accesses = ACCESSES
        .iter()
        .any(|(name, count)| call.method == name && count.is_none_or(|n| n == call.args.len()));
    if is_static && accesses {
        walk.report(Rule::Statics, &path.path, &names.join("::"), SAYS);
    }
}

fn changes(ty: &Type) -> bool {
    struct Changes(bool);
    impl<'ast> Visit<'ast> for Changes {
        fn visit_path_segment(&mut self, segment: &'ast PathSegment) {
            let name = segment.ident.to_string();
            self.0 |= CHANGING.contains(&name.as_str()) || name.starts_with("Atomic");
            visit::visit_path_segment(self, segment);
        }
    }
    let mut found = Changes(false);
    found.visit_type(ty);
    found.0
}
