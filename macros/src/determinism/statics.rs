//! Statics that change: their value is not in history, and another one after a restart.

use syn::visit::{self, Visit};
use syn::{BinOp, Expr, ExprMethodCall, Item, PathSegment, StaticMutability, Type};

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
    ("load", None),
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
    let accesses = ACCESSES
        .iter()
        .any(|(name, count)| call.method == name && count.is_none_or(|n| n == call.args.len()));
    if accesses {
        check_value(walk, &call.receiver);
    } else if (call.method == "unwrap" || call.method == "expect")
        && let Expr::MethodCall(inner) = &*call.receiver
        && inner.method == "get"
        && inner.args.is_empty()
    {
        // That of a number that is not zero gives no option.
        check_value(walk, &inner.receiver);
    }
}

/// `COUNT = 1` and `COUNT += 1`.
pub(super) fn check_assignment(walk: &Walk<'_>, expr: &Expr) {
    match expr {
        Expr::Assign(assign) => check_value(walk, &assign.left),
        Expr::Binary(binary) if is_assignment(&binary.op) => check_value(walk, &binary.left),
        _ => {}
    }
}

fn check_value(walk: &Walk<'_>, expr: &Expr) {
    let Expr::Path(path) = bare(expr) else {
        return;
    };
    if walk.is_variable(&path.path) {
        return;
    }
    let is_static = path.path.segments.last().is_some_and(|last| {
        let name = last.ident.to_string();
        name.len() > 1
            && name.starts_with(|c: char| c.is_ascii_uppercase())
            && !name.contains(|c: char| c.is_ascii_lowercase())
    });
    if is_static {
        walk.report(Rule::Statics, &path.path, &names::plain(&path.path), SAYS);
    }
}

fn is_assignment(operator: &BinOp) -> bool {
    matches!(
        operator,
        BinOp::AddAssign(_)
            | BinOp::SubAssign(_)
            | BinOp::MulAssign(_)
            | BinOp::DivAssign(_)
            | BinOp::RemAssign(_)
            | BinOp::BitXorAssign(_)
            | BinOp::BitAndAssign(_)
            | BinOp::BitOrAssign(_)
            | BinOp::ShlAssign(_)
            | BinOp::ShrAssign(_)
    )
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
