//! Bodies that are not deterministic or lose something, and in front of each the rules that it breaks. "nothing" is in front of what
//! the tokens of one function cannot tell: the guide `determinism` says what catches it then.

/// clock
async fn by_another_name(ctx: OrchestrationContext) -> u64 {
    use std::time::SystemTime as Calendar;
    seconds(Calendar::now())
}

/// clock
async fn by_a_type_alias(ctx: OrchestrationContext) {
    type Calendar = std::time::SystemTime;
    let now = Calendar::now();
}

/// clock clock
async fn out_of_a_module_imported_whole(ctx: OrchestrationContext) {
    use std::time::*;
    let now = (SystemTime::now(), Instant::now());
}

/// clock
async fn as_a_method_of_a_trait(ctx: OrchestrationContext) {
    let now = <std::time::SystemTime as Clock>::now();
}

/// clock clock clock
async fn as_values(ctx: OrchestrationContext, at: Option<Instant>) {
    let now = Utc::now;
    let at = at.unwrap_or_else(Instant::now);
    let made = std::iter::from_fn(|| Some(SystemTime::now()));
}

/// clock clock clock clock
async fn of_other_crates(ctx: OrchestrationContext) {
    let a = chrono::Utc::now();
    let b = chrono::offset::Local::now();
    let c = time::OffsetDateTime::now_utc();
    let d = jiff::Zoned::now();
}

/// clock clock clock
async fn how_long_it_took(ctx: OrchestrationContext, started: Instant) {
    let a = started.elapsed();
    let b = UNIX_EPOCH.elapsed().unwrap();
    let c = SystemTime::elapsed(&b);
}

/// clock clock clock clock clock
async fn in_macro_calls(ctx: OrchestrationContext) {
    tracing::info!(id = %ctx.instance_id(), at = ?SystemTime::now(), "begun");
    let input = json!({ "at": Utc::now().to_rfc3339(), "in": [1, { "x": started.elapsed() }] });
    assert!(Instant::now() > deadline, "at {:?}", 1);
    let map = maplit::hashmap! { "a" => SystemTime::now() };
}

/// clock
async fn in_a_nested_module(ctx: OrchestrationContext) {
    mod clock {
        pub fn now() -> std::time::SystemTime {
            std::time::SystemTime::now()
        }
    }
    clock::now();
}

/// clock
async fn in_an_implementation(ctx: OrchestrationContext) {
    struct Stopwatch(Instant);
    impl Stopwatch {
        fn start() -> Self {
            Self(Instant::now())
        }
    }
    Stopwatch::start();
}

/// clock clock
async fn in_lazy_values(ctx: OrchestrationContext) {
    static STARTED: LazyLock<SystemTime> = LazyLock::new(SystemTime::now);
    let started = std::cell::LazyCell::new(|| Instant::now());
}

/// clock randomness
async fn behind_configuration(ctx: OrchestrationContext) {
    #[cfg(not(test))]
    let now = SystemTime::now();
    #[cfg(feature = "latest")]
    mod ids {
        pub fn id() -> Uuid {
            Uuid::new_v4()
        }
    }
}

/// randomness randomness randomness
async fn guids(ctx: OrchestrationContext) {
    let a = uuid::Uuid::new_v4();
    let b = Uuid::now_v7().to_string();
    let c = nanoid::nanoid!();
}

/// randomness randomness randomness randomness randomness
async fn random_numbers(ctx: OrchestrationContext) -> u8 {
    let a: u8 = rand::random();
    let b = rand::thread_rng().gen_range(0..10);
    let c = thread_rng().r#gen::<u8>();
    use rand::random;
    let d = fastrand::u8(..);
    random()
}

/// randomness
async fn a_random_function_as_a_value(ctx: OrchestrationContext) {
    let xs: Vec<u8> = std::iter::repeat_with(rand::random).take(3).collect();
}

/// randomness
async fn a_random_function_imported(ctx: OrchestrationContext) {
    use rand::random as roll;
    let x: u8 = Some(1).map_or_else(roll, |x| x);
}

/// timers timers timers
async fn forgotten_timers(ctx: OrchestrationContext) {
    tokio::time::sleep(Duration::from_secs(1)).await;
    let _ = time::timeout(Duration::from_secs(1), ctx.call(one())).await;
    let mut ticks = tokio::time::interval(Duration::from_secs(1));
}

/// timers
async fn a_sleep_that_is_imported(ctx: OrchestrationContext) {
    use tokio::time::sleep;
    sleep(Duration::from_secs(1)).await;
}

/// timers
async fn a_sleeping_thread(ctx: OrchestrationContext) {
    ::std::thread::sleep(Duration::from_secs(1));
}

/// tasks tasks tasks
async fn tasks(ctx: OrchestrationContext) {
    let a = tokio::spawn(async { 1 });
    let b = tokio::task::spawn_blocking(|| 1);
    let mut set = JoinSet::new();
}

/// tasks tasks tasks
async fn tasks_by_method(ctx: OrchestrationContext, handle: Handle) {
    handle.block_on(async {});
    handle.spawn_blocking(|| 1);
    futures::executor::block_on(ctx.call(one()));
}

/// tasks
async fn a_task_by_another_name(ctx: OrchestrationContext) {
    use tokio::{self as rt};
    rt::spawn(async {});
}

/// threads threads threads
async fn threads(ctx: OrchestrationContext, xs: Vec<u32>) {
    std::thread::scope(|scope| {});
    let id = thread::current().id();
    xs.par_iter().for_each(work);
}

/// channels channels
async fn blocking_channels(ctx: OrchestrationContext) {
    let (send, receive) = std::sync::mpsc::channel::<u8>();
    let (send, receive) = crossbeam_channel::unbounded::<u8>();
}

/// channels
async fn a_select_of_blocking_channels(ctx: OrchestrationContext) {
    crossbeam_channel::select! {
        recv(a) -> x => x,
        default => None,
    }
}

/// io io io io io
async fn input_and_output(ctx: OrchestrationContext) {
    let a = std::fs::read_to_string("a");
    let b = File::open("b");
    let c = reqwest::Client::new().get("c").send().await;
    let d = sqlx::query!("select 1").fetch_one(&pool).await;
    let e = std::env::var("E");
}

/// io
async fn in_the_pattern_of_a_let_else(ctx: OrchestrationContext) {
    let Ok(text) = std::fs::read_to_string("a") else { return };
}

/// io
async fn beside_the_arguments_of_a_call(ctx: OrchestrationContext) {
    ctx.call(redis::get_cart(std::fs::read("id"))).await;
}

/// printing printing printing printing
async fn printing(ctx: OrchestrationContext) {
    println!("a");
    std::eprintln!("b");
    let c = dbg!(1 + 1);
    log::info!("d");
}

/// printing
async fn printing_in_a_closure(ctx: OrchestrationContext, xs: Vec<u32>) {
    xs.iter().inspect(|x| print!("{x}")).count();
}

/// select select
async fn random_selects(ctx: OrchestrationContext) {
    tokio::select! { a = ctx.call(one()) => a, b = ctx.call(two()) => b };
    futures::select! { a = one => a, complete => 0 };
}

/// select
async fn a_select_by_another_name(ctx: OrchestrationContext) {
    use tokio::select as pick;
    pick! { a = ctx.call(one()) => a, b = ctx.call(two()) => b };
}

/// select
async fn a_select_in_a_loop(ctx: OrchestrationContext) {
    loop {
        select! {
            _ = &mut timer => break,
            Some(x) = stream.next(), if x > 1 => { y += x }
            else => break,
        }
    }
}

/// hash_order
async fn a_loop_over_a_hash_map(ctx: OrchestrationContext, table: HashMap<String, u32>) {
    for (name, n) in &table {
        ctx.call(store(name.clone(), *n)).await;
    }
}

/// hash_order hash_order
async fn a_loop_that_changes_a_hash_map(ctx: OrchestrationContext) {
    let mut table = HashMap::<_, _>::new();
    for (_, n) in &mut table {
        *n = ctx.call(double(*n)).await;
    }
    for n in table.values_mut() {
        *n = ctx.call(double(*n)).await;
    }
}

/// hash_order
async fn a_hash_map_by_default(ctx: OrchestrationContext) {
    let table: std::collections::HashMap<u8, u8> = Default::default();
    let calls = table.into_iter().map(|(a, b)| ctx.call(store(a, b)));
    ctx.join_all(calls).await;
}

/// hash_order
async fn sorted_too_late(ctx: OrchestrationContext, set: HashSet<u32>) {
    let mut calls = set.iter().map(|x| ctx.call(double(*x))).collect::<Vec<_>>();
    ctx.create_timer(d).await;
    calls.sort();
}

/// hash_order hash_order
async fn what_two_sets_share(ctx: OrchestrationContext, a: HashSet<u32>, b: &HashSet<u32>) {
    let first = a.intersection(&b).next();
    let all: Vec<_> = a.union(b).collect();
}

/// hash_order hash_order
async fn a_shared_hash_map(ctx: OrchestrationContext, table: Arc<HashMap<u8, u8>>) {
    for x in table.iter() {}
    let first = table.clone().keys().next();
}

/// hash_order
async fn what_it_is_named_after(ctx: OrchestrationContext, table: HashSet<u8>) {
    for table in table.iter() {}
}

/// hash_order
async fn in_a_helper(ctx: OrchestrationContext) {
    fn first(table: &HashMap<u8, u8>) -> Option<&u8> {
        table.keys().next()
    }
}

/// hash_order
async fn some_of_a_hash_map(ctx: OrchestrationContext, table: HashMap<u8, u8>) {
    let three: BTreeSet<_> = table.keys().take(3).collect();
}

/// hash_order hash_order
async fn floats_and_visits(ctx: OrchestrationContext, mut table: HashMap<u8, f64>) {
    let sum: f64 = table.values().sum();
    table.retain(|name, _| ctx.side_effect(|| check(name)));
}

/// hash_order
async fn in_a_closure_that_takes_it(ctx: OrchestrationContext) {
    let all = |table: HashMap<u8, u8>| table.into_iter().next();
}

/// locks
async fn a_guard_in_a_variable(ctx: OrchestrationContext, shared: Arc<Mutex<u32>>) {
    let mut guard = shared.lock().unwrap();
    *guard += ctx.call(one()).await;
}

/// locks locks
async fn a_guard_of_another_kind(ctx: OrchestrationContext, shared: Arc<RwLock<u32>>) {
    let guard = shared.read().unwrap();
    let n = ctx.call(double(*guard)).await;
    let Ok(mut written) = shared.write() else { return };
    *written = ctx.call(one()).await;
}

/// locks locks locks
async fn a_guard_that_is_a_temporary_value(ctx: OrchestrationContext, shared: Mutex<Vec<u32>>) {
    if let Some(x) = shared.lock().unwrap().pop() {
        ctx.call(double(x)).await;
    }
    while let Some(x) = shared.lock().unwrap().pop() {
        ctx.call(double(x)).await;
    }
    match shared.lock().expect("no poison").len() {
        0 => {}
        n => ctx.call(double(n)).await,
    }
}

/// locks
async fn a_guard_in_a_chain_of_lets(ctx: OrchestrationContext, shared: Mutex<Vec<u32>>) {
    if is && let Some(x) = shared.lock().unwrap().pop() && x > 1 {
        ctx.call(double(x)).await;
    }
}

/// locks locks
async fn a_guard_beside_an_await(ctx: OrchestrationContext, shared: Mutex<u32>) {
    let n = ctx.call(double(*shared.lock().unwrap())).await;
    store(&shared.lock().unwrap().name, 1).await;
}

/// locks
async fn a_guard_by_reference(ctx: OrchestrationContext, shared: Mutex<u32>) {
    let n = &mut *shared.lock().unwrap();
    *n += ctx.call(one()).await;
}

/// locks
async fn a_guard_by_its_type(ctx: OrchestrationContext, shared: Mutex<u32>) {
    let guard = Mutex::lock(&shared).unwrap();
    ctx.call(double(*guard)).await;
}

/// locks
async fn a_guard_that_is_dropped_in_one_case(ctx: OrchestrationContext, shared: Mutex<u32>) {
    let guard = shared.lock().unwrap();
    if *guard > 1 {
        drop(guard);
        return ctx.call(one()).await;
    }
    ctx.call(two()).await;
}

/// statics statics statics
async fn statics_of_the_body(ctx: OrchestrationContext) {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    static mut TOTAL: u32 = 0;
    static CACHE: LazyLock<Mutex<Vec<u32>>> = LazyLock::default();
}

/// statics statics statics statics statics statics statics statics
async fn statics_of_elsewhere(ctx: OrchestrationContext) {
    COUNT.fetch_add(1, Relaxed);
    crate::state::CONFIG.get_or_init(Config::read);
    CURRENT.with(|x| x.get());
    *TOTAL.lock().unwrap() += 1;
    let config = SETTINGS.load();
    let config = ONCE.get().unwrap();
    let n = LAST.with_borrow(|x| *x);
    let x = FLAG.load(Ordering::SeqCst);
}

/// statics statics
async fn statics_that_are_assigned(ctx: OrchestrationContext) {
    unsafe {
        TOTAL += 1;
        crate::TOTAL = 7;
    }
}

/// statics
async fn values_of_the_thread(ctx: OrchestrationContext) {
    thread_local! {
        static DEPTH: Cell<u32> = Cell::new(0);
    }
}

/// dropped_call dropped_call dropped_call dropped_call
async fn dropped_in_a_statement(ctx: OrchestrationContext) {
    ctx.call(one());
    let _ = ctx.call(one());
    _ = ctx.call(one());
    let _mail = ctx.call(send_mail());
}

/// dropped_call dropped_call
async fn dropped_by_a_function(ctx: OrchestrationContext) {
    drop(ctx.call(one()));
    std::mem::drop(ctx.create_timer(d));
}

/// dropped_call dropped_call dropped_call dropped_call
async fn dropped_in_branches(ctx: OrchestrationContext, is: bool) {
    if is {
        ctx.call(one());
    }
    if is { ctx.call(one()) } else { ctx.call(two()) };
    let _ = match is { true => ctx.call(one()), false => return };
}

/// dropped_call
async fn hidden_by_the_next(ctx: OrchestrationContext) {
    let call = ctx.call(one());
    let call = ctx.call(two());
    call.await;
}

/// dropped_call
async fn one_of_a_tuple(ctx: OrchestrationContext) {
    let (a, _) = (ctx.call(one()), ctx.call(two()));
    a.await;
}

/// dropped_call dropped_call
async fn by_another_context(ctx: OrchestrationContext) {
    let context = ctx.clone();
    context.call(one());
    let c = &ctx;
    c.create_timer(d);
}

/// dropped_call
async fn in_a_helper_with_its_own_context(ctx: OrchestrationContext) {
    async fn notify(c: &OrchestrationContext<u8>) {
        c.call(send_mail());
    }
}

/// dropped_call
async fn a_renamed_context(mut durable: OrchestrationContext) {
    durable.call_activity::<u8>("A", 1);
}

/// dropped_call dropped_call
async fn a_group_of_calls(ctx: OrchestrationContext, calls: Vec<Call>) {
    ctx.join_all(calls.iter().map(|x| ctx.call(x)));
    let _all = ctx.as_completed(calls.into_iter().map(|x| ctx.call(x)));
}

/// dropped_call
async fn in_a_closure(ctx: OrchestrationContext, xs: Vec<u8>) {
    xs.iter().for_each(|x| { ctx.call(one()); });
}

/// dropped_call
async fn goes_on_without_an_await(ctx: OrchestrationContext, n: u32) {
    ctx.continue_as_new(goes_on_without_an_await(n + 1));
}

/// direct_call direct_call
async fn runs_it_directly(ctx: OrchestrationContext, city: String) {
    let hello = say_hello::run(city).await;
    let later = crate::activities::say_hello::run;
}

/// endless_loop endless_loop
async fn never_ends(ctx: OrchestrationContext) {
    loop {
        ctx.call(poll()).await?;
        if x { continue; }
    }
    while (true) {
        ctx.create_timer(d).await;
    }
}

/// endless_loop
async fn ends_only_in_a_closure(ctx: OrchestrationContext) {
    loop {
        let done = xs.iter().find(|x| { return **x > 1; });
        ctx.call(poll()).await;
        for x in xs { if x { break; } }
    }
}

/// endless_loop endless_loop endless_loop endless_loop
async fn endless_iterators(ctx: OrchestrationContext) {
    for _ in 0.. {
        ctx.call(poll()).await;
    }
    for _ in std::iter::repeat(()) {
        ctx.call(poll()).await;
    }
    for _ in iter::repeat_with(|| 1) {
        ctx.call(poll()).await;
    }
    for host in hosts.iter().cycle() {
        ctx.call(ping(host)).await;
    }
}

/// endless_loop
async fn in_a_block_that_is_awaited(ctx: OrchestrationContext) {
    async {
        loop {
            ctx.create_timer(d).await;
        }
    }
    .await;
}

/// nothing
async fn a_clock_imported_outside_of_the_body(ctx: OrchestrationContext) -> Pause {
    helper_that_reads_the_clock();
    sleep(Duration::from_secs(1))
}

/// nothing
async fn a_client_that_is_an_argument_of_a_helper(ctx: OrchestrationContext) {
    client().get("x").send().await;
}

/// nothing
async fn a_hash_map_in_a_field(ctx: OrchestrationContext, order: Order) {
    for line in &order.lines_by_name {
        ctx.call(store(line)).await;
    }
}

/// nothing
async fn a_hash_map_in_an_option(ctx: OrchestrationContext, table: Option<HashMap<u8, u8>>) {
    for x in table.unwrap_or_default() {
        ctx.call(store(x)).await;
    }
}

/// nothing
async fn calls_that_are_kept_and_never_awaited(ctx: OrchestrationContext) {
    let _calls = vec![ctx.call(one()), ctx.call(two())];
    let both = (ctx.call(one()), ctx.call(two()));
    both.0.await;
}

/// nothing
async fn a_join_of_what_never_ends(ctx: OrchestrationContext) {
    let poll = async { loop { ctx.create_timer(d).await; } };
    tokio::join!(poll, ctx.call(one()));
}

/// nothing
async fn a_static_without_capitals_or_by_function(ctx: OrchestrationContext) {
    AtomicU32::fetch_add(&COUNT, 1, Relaxed);
    config().reload();
}

/// clock randomness printing
async fn in_arguments_of_calls(ctx: OrchestrationContext) -> Result<u32, Failure> {
    let input = Input { at: Utc::now(), id: Some(Uuid::new_v4()) };
    Ok(ctx.call(store(input).tag("x", dbg!("y"))).await?)
}

/// clock clock
async fn in_patterns_with_guards(ctx: OrchestrationContext, due: SystemTime) -> u32 {
    match due {
        due if due < SystemTime::now() => 1,
        _ if let Ok(left) = due.duration_since(SystemTime::now()) => 2,
        _ => 3,
    }
}

/// clock clock clock
async fn in_the_arms_of_a_select(ctx: OrchestrationContext) {
    tokio::select! {
        biased;
        x = ctx.call(store(Utc::now())) => x,
        y = ctx.call(one()), if Instant::now() > z => { y }
        else => Utc::now(),
    }
}

/// clock
async fn in_a_labelled_block_of_a_const(ctx: OrchestrationContext) {
    let x = 'a: {
        if let Some(x) = y { break 'a SystemTime::now(); }
        z
    };
}

/// io io
async fn behind_raw_names(ctx: OrchestrationContext) {
    let x = std::r#env::r#var("X");
    let y = r#std::fs::read("y");
}

/// tasks dropped_call
async fn fire_and_forget(ctx: OrchestrationContext) {
    tokio::spawn(ctx.call(send_mail()));
    if let Some(to) = to {
        let _mail = ctx.call(send_mail(to));
    }
}

/// dropped_call dropped_call
async fn in_a_block_of_its_own(ctx: OrchestrationContext) {
    let n = {
        let timer = ctx.create_timer(d);
        7
    };
    for x in xs {
        let call = ctx.call(double(x));
    }
    let timer = n;
    timer + 1
}

/// dropped_call
async fn only_named_elsewhere(ctx: OrchestrationContext) {
    let timer = ctx.create_timer(d);
    x.timer.timer();
    let y = Point { timer: 1 };
}

/// locks
async fn a_guard_in_an_inner_block(ctx: OrchestrationContext, shared: Rc<std::sync::Mutex<u32>>) {
    {
        let mut total = shared.lock().unwrap_or_else(PoisonError::into_inner);
        for x in xs {
            *total += ctx.call(double(x)).await;
        }
    }
}

/// endless_loop
async fn polls_for_ever_with_a_match(ctx: OrchestrationContext) -> Result<(), Failure> {
    loop {
        match ctx.call(poll()).await {
            Ok(0) => continue,
            Ok(n) => tracing::info!(n),
            Err(error) => Err(error)?,
        }
    }
}

/// select
async fn a_select_that_is_awaited_in_a_join(ctx: OrchestrationContext) {
    tokio::join!(async { tokio::select! { a = one() => a, b = two() => b } }, ctx.call(one()));
}

/// hash_order
async fn by_a_local_import(ctx: OrchestrationContext) {
    use std::collections::HashMap as Map;
    let mut counts = Map::new();
    counts.insert(1, 2);
    for (x, n) in counts {
        ctx.call(store(x, n)).await;
    }
}

/// hash_order
async fn in_a_method(ctx: OrchestrationContext) {
    struct Stock;
    impl Stock {
        async fn check(&self, c: &OrchestrationContext, items: &HashMap<u8, u8>) {
            loop { c.call(look()).await; }
        }
        fn first(&self, items: HashSet<u8>) -> Option<u8> {
            items.into_iter().next()
        }
    }
}

/// hash_order hash_order
async fn by_another_variable(ctx: OrchestrationContext, table: HashMap<u8, u8>) {
    let same = &table;
    let copy = table.clone();
    for x in same {}
    let v = copy.into_iter().collect::<Vec<_>>();
}

/// hash_order hash_order hash_order hash_order
async fn calls_in_the_order_of_a_hash_table(ctx: OrchestrationContext, table: HashMap<u8, u8>) {
    let calls: HashMap<_, _> = table.keys().map(|k| (*k, ctx.call(double(*k)))).collect();
    let calls = BTreeMap::from_iter(table.keys().map(|k| (*k, ctx.call(double(*k)))));
    table.keys().map(|k| ctx.call(double(*k)).detach()).count();
    let any = table.keys().any(|k| {
        ctx.set_custom_status(*k);
        false
    });
    use_all(calls, any);
}
