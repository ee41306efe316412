//! Fan-out and fan-in: counts the words of twelve pages, all at once, and adds them up.
//!
//! With `--store FILE` it may be killed at any time: started again, it counts only the pages that were not counted.

#![allow(clippy::print_stdout, reason = "the account goes to stdout")]

use std::process::ExitCode;
use std::time::Duration;

use steadfast::prelude::*;
use steadfast_examples::cli::{self, AnyError, PatternArguments};
use steadfast_examples::pace;

const PAGES: u32 = 12;

/// What is published meanwhile. Its type bounds it, so that publishing cannot fail.
#[derive(CustomStatus, Serialize, Deserialize)]
struct Counted {
    pages: u32,
    of: u32,
}

#[activity]
async fn count_words(page: u32) -> u32 {
    println!("counting page {page}");
    // The pages are done one after the other, so that there is something to see.
    for _ in 0..page {
        pace::work().await;
    }
    100 + page
}

#[orchestrator]
async fn count_book(ctx: OrchestrationContext<Counted>, pages: u32) -> Result<u32, String> {
    // All calls are made at once; the results are taken in the order in which they come.
    let calls = (1..=pages).map(|page| ctx.call(count_words(page)));
    let mut counts = ctx.as_completed(calls);
    let mut words = 0;
    let mut done = 0;
    while let Some((_, count)) = counts.next().await {
        words += count?;
        done += 1;
        let of = pages;
        ctx.set_custom_status(Counted { pages: done, of });
    }
    Ok(words)
}

async fn count() -> Result<(), AnyError> {
    let steadfast = PatternArguments::start("book").await?;
    let start = count_book(PAGES).id("book").on_existing(OnExisting::Attach);
    let book = steadfast.client().start(start).await?;
    let mut changes = book.watch_custom_status();
    while let Some(change) = changes.next().await? {
        if let Some(Counted { pages, of }) = change.custom_status {
            println!("counted {pages} of {of} pages");
        }
    }
    println!("{} words", book.output().await?);
    steadfast.shut_down(Duration::from_secs(5)).await;
    Ok(())
}

#[tokio::main]
async fn main() -> ExitCode {
    cli::exit(count().await)
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::rc::Rc;

    use steadfast::testing::{TestHub, crash_everywhere};

    use super::*;

    #[test]
    fn pages_are_counted_in_any_order() {
        TestHub::with_seeds(0..10, |hub| {
            hub.mock(count_words).with(|page| page);
            let book = hub.start(count_book(3));
            assert_eq!(book.output().unwrap(), 1 + 2 + 3);
            let counted = book.custom_statuses();
            // Several may come together, and then only the last status is published.
            assert!(counted.is_sorted_by_key(|counted| counted.pages));
            assert_eq!(
                counted.last().map(|counted| (counted.pages, counted.of)),
                Some((3, 3))
            );
        });
    }

    #[test]
    fn one_page_after_the_other_is_told() {
        let hub = TestHub::new();
        let time = hub.time();
        hub.mock(count_words).with_async(move |page| {
            let time = time.clone();
            async move {
                time.sleep(Duration::from_secs(page.into())).await;
                page
            }
        });
        let book = hub.start(count_book(3));
        let half = book.wait_custom_status(|counted| counted.pages == 2);
        assert_eq!((half.pages, half.of), (2, 3));
        assert_eq!(
            hub.now().duration_since(book.status().created_at).as_secs(),
            2
        );
        assert_eq!(book.output().unwrap(), 6);
    }

    #[test]
    fn a_page_that_cannot_be_counted_fails_the_book() {
        let hub = TestHub::new();
        hub.mock(count_words).returns(7).panics("the page is torn");
        let error = hub.start(count_book(2)).output().unwrap_err();
        assert!(error.to_string().contains("the page is torn"), "{error}");
    }

    #[test]
    fn pages_that_were_counted_are_not_counted_again_without_need() {
        crash_everywhere(|hub| {
            let counted = Rc::new(RefCell::new([false; 3]));
            let marks = Rc::clone(&counted);
            hub.mock(count_words).with(move |page| {
                marks.borrow_mut()[page as usize - 1] = true;
                page
            });
            hub.effects(move || *counted.borrow());
            hub.start(count_book(3)).output().unwrap()
        });
    }
}
