//! Bodies that are deterministic: nothing is said about any of them.

async fn hello_sequence(ctx: OrchestrationContext, cities: Vec<String>) -> Result<Vec<String>, String> {
    let mut greetings = Vec::with_capacity(cities.len());
    for city in cities {
        greetings.push(ctx.call(say_hello(city)).await?);
    }
    Ok(greetings)
}

async fn ported_hello(ctx: OrchestrationContext) -> Result<Vec<String>, String> {
    let mut output = vec![];
    output.push(ctx.call_activity::<String>("E1_SayHello", "Tokyo").await?);
    output.push(ctx.call_activity::<String>("E1_SayHello", "Seattle").await?);
    Ok(output)
}

async fn backup_site_content(ctx: OrchestrationContext, root: Option<String>) -> Result<u64, Failure> {
    let root = root.as_deref().map(str::trim).filter(|root| !root.is_empty()).unwrap_or("/var/www").to_owned();
    let files = ctx.call(get_file_list(root)).await?;
    let tasks: Vec<_> = files.iter().map(|file| ctx.call(copy_file_to_blob(file.clone()))).collect();
    let sizes = ctx.try_join_all(tasks).await?;
    Ok(sizes.iter().sum())
}

async fn fan_out_with_futures(ctx: OrchestrationContext, n: u32) -> Result<u32, Failure> {
    let parts = futures::future::try_join_all((0..n).map(|i| ctx.call(part(i)))).await?;
    Ok(parts.into_iter().max().unwrap_or_default())
}

async fn monitor_weather(ctx: OrchestrationContext, request: MonitorRequest) -> Result<(), Failure> {
    let end = ctx.current_utc_datetime() + Duration::from_secs(6 * 60 * 60);
    while ctx.current_utc_datetime() < end {
        let is_clear = ctx.call(is_clear(request.location.clone())).await?;
        if is_clear {
            ctx.call(send_good_weather_alert(request.phone)).await?;
            break;
        }
        ctx.create_timer(ctx.current_utc_datetime() + Duration::from_secs(30 * 60)).await;
    }
    Ok(())
}

async fn sms_phone_verification(ctx: OrchestrationContext, phone: String) -> Result<bool, Failure> {
    let code = ctx.call(send_sms_challenge(phone)).await?;
    let mut timer = ctx.create_timer(Duration::from_secs(90));
    let mut authorized = false;
    for _ in 0..=3 {
        let response = ctx.wait_for_external_event_named::<u32>("SmsChallengeResponse");
        tokio::select! {
            biased;
            answer = response => {
                if answer? == code {
                    authorized = true;
                    break;
                }
            }
            () = &mut timer => break,
        }
    }
    Ok(authorized)
}

async fn eternal_clean_up(ctx: OrchestrationContext) -> Result<(), Failure> {
    ctx.call(do_clean_up()).await?;
    ctx.create_timer(Duration::from_secs(60 * 60)).await;
    ctx.continue_as_new(eternal_clean_up()).await
}

async fn counter_of_events(ctx: OrchestrationContext, mut value: i64) -> i64 {
    loop {
        match ctx.wait_for_external_event_named::<String>("operation").await.as_deref() {
            Ok("incr") => value += 1,
            Ok("decr") => value -= 1,
            Ok("end") => return value,
            Ok(other) => tracing::warn!(operation = %other, "unknown"),
            Err(error) => tracing::warn!(?error),
        }
        if ctx.is_history_long() {
            return ctx.continue_as_new(counter_of_events(value)).await;
        }
    }
}

async fn saga(ctx: OrchestrationContext, trip: Trip) -> Result<Booking, Failure> {
    let mut undo: Vec<Undo> = Vec::new();
    let booked = async {
        let flight = ctx.call(book_flight(trip.clone())).await?;
        undo.push(Undo::Flight(flight.id));
        let hotel = ctx.call(book_hotel(trip.clone())).await?;
        undo.push(Undo::Hotel(hotel.id));
        Ok::<_, Failure>(Booking { flight, hotel })
    }
    .await;
    match booked {
        Ok(booking) => Ok(booking),
        Err(error) => {
            for step in undo.into_iter().rev() {
                if let Err(error) = ctx.call(compensate(step)).await {
                    tracing::error!(%error, "could not be undone");
                }
            }
            Err(error)
        }
    }
}

async fn approval(ctx: OrchestrationContext, cost: f64) -> Result<&'static str, Failure> {
    ctx.call(request_approval(cost)).await?;
    let approved = ctx.wait_for_external_event::<Approved>().timeout(Duration::from_secs(72 * 3600));
    Ok(match approved.await {
        Ok(Ok(Approved(true))) => "approved",
        Ok(Ok(_)) | Ok(Err(_)) => "rejected",
        Err(_elapsed) => {
            ctx.call(escalate()).await?;
            "escalated"
        }
    })
}

async fn retry_by_hand(ctx: OrchestrationContext, url: String) -> Result<String, Failure> {
    let mut delay = Duration::from_secs(1);
    for attempt in 1.. {
        match ctx.call(fetch(url.clone())).await {
            Ok(page) => return Ok(page),
            Err(error) if attempt >= 5 => return Err(error.into()),
            Err(error) => tracing::info!(attempt, elapsed = ?delay, error = %error, "trying again"),
        }
        ctx.create_timer(delay).await;
        delay *= 2;
    }
    unreachable!()
}

async fn a_variable_called_random(ctx: OrchestrationContext) -> u64 {
    let random = ctx.random_u64();
    tracing::info!(random, "drawn");
    tracing::info!(random = random + 1, at = %ctx.current_utc_datetime());
    let fields = Fields { random };
    let doubled = Some(random).map(|random| random * 2);
    if random % 2 == 0 { doubled.unwrap_or(fields.random) } else { random }
}

async fn generators_with_a_seed(ctx: OrchestrationContext) -> u32 {
    use rand::rngs::StdRng;
    use rand::{Rng, SeedableRng};
    let mut rng = StdRng::seed_from_u64(ctx.random_u64());
    let other = SeedableRng::from_seed([0; 32]);
    let picked = Rng::random_range(&mut rng, 0..10);
    let third = rand::Rng::random::<u32>(&mut rng);
    let fast = fastrand::Rng::with_seed(ctx.random_u64()).u32(..);
    picked + third + fast + sample(other)
}

async fn activities_in_modules_of_these_names(ctx: OrchestrationContext, id: u64) -> Result<(), Failure> {
    let cart = ctx.call(redis::get_cart(id)).await?;
    ctx.call(postgres::save_order(cart).retry(policy()).timeout(Duration::from_secs(5))).await?;
    let reports = cart.lines.iter().map(|line| ctx.call(report::run(line.clone())));
    ctx.join_all(reports).await;
    ctx.call(fs::read(id).id("child")).await?;
    ctx.continue_as_new(task::spawn(id + 1)).await
}

async fn raw_identifiers(ctx: OrchestrationContext, r#type: String) -> Result<u8, Failure> {
    let r#async = ctx.call(kind_of(r#type));
    let r#fn = ctx.create_timer(Duration::from_secs(1));
    r#fn.await;
    Ok(r#async.await?)
}

async fn numbers_that_are_not_zero(ctx: OrchestrationContext) -> u32 {
    const ATTEMPTS: NonZeroU32 = NonZeroU32::new(3).unwrap();
    let mut done = 0;
    for _ in 0..ATTEMPTS.get() {
        done += ctx.call(attempt(LIMITS.get(0).copied())).await.unwrap_or(0);
    }
    done + crate::MAX_PARTS.get()
}

async fn polls_until_a_deadline(ctx: OrchestrationContext, job: String) -> Result<State, Failure> {
    let polling = async {
        loop {
            let state = ctx.call(state_of(job.clone())).await?;
            ctx.set_custom_status(state);
            ctx.create_timer(Duration::from_secs(30)).await;
        }
        #[allow(unreachable_code)]
        Ok::<State, Failure>(State::Unknown)
    };
    ctx.timeout(Duration::from_secs(3600), polling).await.unwrap_or(Ok(State::TimedOut))
}

async fn keeps_alive_while_it_works(ctx: OrchestrationContext, job: String) -> Result<u8, Failure> {
    let heartbeat = async || loop {
        ctx.create_timer(Duration::from_secs(60)).await;
        ctx.set_custom_status("alive");
    };
    tokio::select! {
        biased;
        done = ctx.call(work(job)) => Ok(done?),
        () = heartbeat() => unreachable!(),
        () = async { loop { ctx.create_timer(Duration::from_secs(9)).await; } } => unreachable!(),
    }
}

async fn leaves_a_loop_by_a_macro(ctx: OrchestrationContext) -> anyhow::Result<()> {
    loop {
        let left = ctx.call(left()).await?;
        if left == 0 {
            anyhow::bail!("nothing left");
        }
        ctx.create_timer(Duration::from_secs(1)).await;
    }
}

async fn asserts_in_a_loop(ctx: OrchestrationContext) -> anyhow::Result<()> {
    loop {
        let left = ctx.call(left()).await?;
        ensure!(left > 0, "nothing left");
    }
}

async fn labelled_loops(ctx: OrchestrationContext) -> u32 {
    let mut n = 0;
    'outer: loop {
        'inner: loop {
            n += ctx.call(next(n)).await.unwrap_or(1);
            if n % 7 == 0 {
                continue 'outer;
            }
            if n > 100 {
                break 'outer;
            }
            if n % 5 == 0 {
                break 'inner;
            }
        }
    }
    n
}

async fn leaves_a_labelled_block(ctx: OrchestrationContext) -> Option<u32> {
    let found = 'found: {
        loop {
            if let Some(x) = ctx.call(search()).await.ok().flatten() {
                break 'found Some(x);
            }
        }
    };
    found
}

async fn lets_else_and_chains(ctx: OrchestrationContext, order: Option<Order>) -> Result<u32, Failure> {
    let Some(Order { id, lines: [first, rest @ ..], .. }) = order else {
        return Err(Failure::Empty);
    };
    if let Some(discount) = first.discount
        && discount > 10
        && let Ok(checked) = ctx.call(check(discount)).await
    {
        return Ok(checked);
    }
    let n @ 1..=9 = ctx.call(count(id, rest.len())).await? else { return Ok(0) };
    Ok(n)
}

async fn unordered_futures(ctx: OrchestrationContext, items: Vec<u32>) -> Result<Vec<u32>, Failure> {
    let mut running: FuturesUnordered<_> = items.into_iter().map(|item| ctx.call(double(item))).collect();
    let mut done = vec![];
    while let Some(result) = running.next().await {
        done.push(result?);
        if done.len() < 10 {
            running.push(ctx.call(double(0)));
        }
    }
    Ok(done)
}

async fn as_completed(ctx: OrchestrationContext, items: Vec<u32>) -> u32 {
    let mut done = ctx.as_completed(items.iter().map(|item| ctx.call(double(*item))));
    let mut total = 0;
    while let Some((_index, result)) = done.next().await {
        total += result.unwrap_or(0);
    }
    total
}

async fn a_bounded_number_at_once(ctx: OrchestrationContext, items: Vec<u32>) -> Vec<u32> {
    stream::iter(items).map(|item| ctx.call(double(item))).buffered(4).filter_map(|r| async move { r.ok() }).collect().await
}

async fn joins_of_all_kinds(ctx: OrchestrationContext) -> Result<u32, Failure> {
    let a = ctx.call(one());
    let b = ctx.call(two());
    let (a, b) = tokio::join!(a, b);
    let (c, d) = futures::try_join!(ctx.call(one()), async { Ok(ctx.call(two()).await?) })?;
    let (e, f) = futures::join!(ctx.call(one()), ctx.create_timer(Duration::from_secs(1)));
    let _: () = f;
    Ok(a? + b? + c + d + e?)
}

async fn biased_selects(ctx: OrchestrationContext) -> Result<bool, Failure> {
    let mut timer = ctx.create_timer(Duration::from_secs(1)).fuse();
    let mut event = ctx.wait_for_external_event::<Go>().fuse();
    futures::select_biased! {
        go = event => Ok(go.is_ok()),
        () = timer => Ok(false),
        complete => Ok(true),
    }
}

async fn select_with_conditions(ctx: OrchestrationContext, many: bool) -> u32 {
    let first = ctx.call(one());
    let second = ctx.call(two());
    tokio::pin!(first, second);
    let mut total = 0;
    loop {
        tokio::select! {
            biased;
            Ok(x) = &mut first, if many => { total += x }
            Ok(x) | Err(CallError { last: x, .. }) = &mut second, if total < 10 && !many => total += x,
            else => break total,
        }
    }
}

async fn values_of_json(ctx: OrchestrationContext, id: u32) -> Result<Value, Failure> {
    let guid = ctx.new_guid();
    let input = json!({ "id": id, "guid": guid, "at": ctx.current_utc_datetime(), "tags": ["a", format!("{id:>3}")] });
    let answer: Value = ctx.call_activity("Process", input).await?;
    Ok(json!({ "answer": answer["value"].as_str().unwrap_or_default(), "is": matches!(answer, Value::Null) }))
}

async fn traces(ctx: OrchestrationContext, order: Order) {
    let span = tracing::info_span!("order", id = %order.id, instance = %ctx.instance_id());
    let _entered = span.enter();
    tracing::info!(order.id, total = order.lines.iter().map(|l| l.price).sum::<u32>(), "begins");
    debug!(target: "orders", lines = ?order.lines, "SystemTime::now() and println! are words");
    tracing::event!(tracing::Level::TRACE, { field = 1 }, "message {}", order.id);
    error!(error.kind = "x", error = &*order.error as &dyn Error);
}

async fn counts_what_is_in_a_hash_map(ctx: OrchestrationContext, table: HashMap<String, u32>) -> Result<u32, Failure> {
    let total: u32 = table.values().sum();
    let sum = table.values().copied().sum::<u64>();
    let most = table.values().max();
    let least = table.keys().min();
    let is_any = table.values().any(|n| *n > 1);
    let sorted = table.iter().sorted_by_key(|(name, _)| name.len()).collect_vec();
    tracing::info!(total, sum, ?most, ?least, is_any, ?sorted);
    Ok(ctx.call(store(table)).await?)
}

async fn changes_a_hash_map(ctx: OrchestrationContext, mut table: HashMap<String, u32>) -> bool {
    let known: HashSet<&str> = HashSet::from(["a", "b"]);
    table.retain(|name, n| *n > 0 && known.contains(name.as_str()));
    table.entry("a".to_owned()).or_default();
    let copy: HashMap<_, _> = table.iter().map(|(name, n)| (name.clone(), n + 1)).collect();
    let mut merged = copy.clone();
    merged.extend(table.drain());
    merged.contains_key("a") && ctx.call(check(merged)).await.is_ok()
}

async fn orders_a_hash_map(ctx: OrchestrationContext, table: HashMap<String, u32>, is_plain: bool) -> BTreeMap<String, u32> {
    let ordered: BTreeMap<_, _> = if is_plain { table.iter().collect() } else { table.iter().filter(|x| x.1 > 1).collect() };
    let set = BTreeSet::from_iter(table.keys());
    let keys = {
        let mut keys: Vec<_> = table.keys().cloned().collect();
        keys.sort_unstable_by(|a, b| b.cmp(a));
        keys
    };
    for (name, n) in ordered {
        ctx.call(store((name.clone(), *n))).await.ok();
    }
    tracing::info!(?set, ?keys);
    table.into_iter().collect()
}

async fn names_that_hide_a_hash_map(ctx: OrchestrationContext, table: HashMap<u8, u8>, other: Option<Vec<u8>>) -> usize {
    if let Some(table) = &other {
        for x in table.iter() {
            ctx.call(store(*x)).await.ok();
        }
    }
    match other {
        Some(table) => table.iter().map(|x| usize::from(*x)).rev().last().unwrap_or(0),
        None => helper(&[1]),
    };
    fn helper(table: &[u8]) -> usize {
        table.iter().position(|x| *x == 1).unwrap_or(0)
    }
    while let Some(table) = next() {
        table.iter().for_each(drop);
    }
    let table: Vec<_> = table.into_iter().collect::<BTreeMap<_, _>>().into_iter().collect();
    for (a, b) in table.iter() {
        ctx.call(store((a, b))).await.ok();
    }
    table.len()
}

async fn locks_between_branches(ctx: OrchestrationContext) -> u32 {
    let total = tokio::sync::Mutex::new(0);
    let add = async |n| {
        let mut total = total.lock().await;
        *total += ctx.call(double(n)).await.unwrap_or(0);
    };
    futures::join!(add(1), add(2));
    let shared = std::sync::Mutex::new(0);
    *shared.lock().unwrap() += 1;
    let n = *shared.lock().unwrap();
    ctx.call(double(n)).await.ok();
    let locking = total.lock();
    let guard = locking.await;
    ctx.call(double(*guard)).await.ok();
    n
}

async fn ends_a_guard_before_it_waits(ctx: OrchestrationContext, shared: Arc<Mutex<Vec<u32>>>) -> u32 {
    let guard = shared.lock().unwrap();
    if guard.is_empty() {
        drop(guard);
        return ctx.call(double(0)).await.unwrap_or(0);
    }
    let n = guard.len();
    std::mem::drop(guard);
    let first = {
        let guard = shared.lock().expect("not poisoned");
        guard[0]
    };
    let next = shared.lock().unwrap().pop();
    if let Some(next) = next {
        ctx.call(double(next)).await.ok();
    }
    ctx.call(double(first)).await.unwrap_or(n as u32)
}

async fn runs_a_small_machine(ctx: OrchestrationContext, start: State) -> Result<State, Failure> {
    #[derive(Clone, Copy, PartialEq)]
    enum Step { Begin, Paid, Shipped }
    impl Step {
        const ALL: [Self; 3] = [Self::Begin, Self::Paid, Self::Shipped];
        fn next(self) -> Option<Self> {
            let at = Self::ALL.iter().position(|step| *step == self)?;
            Self::ALL.get(at + 1).copied()
        }
    }
    let mut step = Step::Begin;
    while let Some(next) = step.next() {
        step = match (step, start) {
            (Step::Begin, State::Known | State::Unknown) => next,
            (Step::Paid, _) if ctx.patched("ship-early") => Step::Shipped,
            _ => {
                ctx.create_timer(Duration::from_millis(5)).await;
                next
            }
        };
    }
    Ok(start)
}

async fn closures_in_variables(ctx: OrchestrationContext, xs: Vec<u32>) -> Result<u32, Failure> {
    let call = |x: u32| ctx.call(double(x));
    let all = async |xs: &[u32]| {
        let mut sum = 0;
        for x in xs {
            sum += call(*x).await?;
        }
        Ok::<_, Failure>(sum)
    };
    let spawn = |x| x + 1;
    let elapsed = |since| ctx.current_utc_datetime() - since;
    let _ = elapsed(ctx.current_utc_datetime());
    all(&xs).await.map(spawn)
}

async fn helpers_with_the_context(ctx: OrchestrationContext, xs: Vec<u32>) -> Result<u32, Failure> {
    async fn total(c: &OrchestrationContext, xs: &[u32]) -> Result<u32, Failure> {
        let hour = c.side_effect(|| std::env::var("HOUR").unwrap_or_default());
        let mut total = hour.len() as u32;
        for x in xs {
            total += c.call(double(*x)).await?;
        }
        Ok(total)
    }
    let context = &ctx;
    let _dry = context.side_effect(|| std::env::var_os("DRY").is_some());
    let seed = ctx.side_effect(rand::random::<u64>);
    total(context, &xs).await.map(|n| n + seed as u32)
}

async fn detaches(ctx: OrchestrationContext, to: String) {
    ctx.call(send_mail(to.clone())).detach();
    let mail = ctx.call(send_mail(to));
    mail.detach();
    let _ = ctx.call(send_mail(String::new())).await;
    drop(ctx.call(send_mail(String::new())).await);
    _ = ctx.call(send_mail(String::new())).await;
}

async fn keeps_futures_in_collections(ctx: OrchestrationContext) -> Result<(), Failure> {
    let mut pending = HashMap::new();
    pending.insert("a", ctx.call(one()));
    pending.insert("b", ctx.call(two()));
    let Some(a) = pending.remove("a") else { return Ok(()) };
    a.await?;
    let boxed: Vec<Pin<Box<dyn Future<Output = ()>>>> = vec![Box::pin(ctx.create_timer(Duration::from_secs(1)))];
    ctx.join_all(boxed).await;
    Ok(())
}

async fn a_race_of_a_tuple(ctx: OrchestrationContext) -> Result<u32, Failure> {
    let timer = ctx.create_timer(Duration::from_secs(5));
    let event = ctx.wait_for_external_event_named::<u32>("Go");
    match ctx.race((event, timer)).await {
        Either::A(Ok(n)) => Ok(n),
        Either::A(Err(error)) => Err(error)?,
        Either::B(()) => Ok(0),
    }
}

async fn futures_select_of_two(ctx: OrchestrationContext) -> bool {
    use futures::future::{Either, select};
    let work = ctx.call(one());
    let timer = ctx.create_timer(Duration::from_secs(5));
    match select(work, timer).await {
        Either::Left((_, timer)) => {
            drop(timer);
            true
        }
        Either::Right(((), work)) => {
            drop(work);
            false
        }
    }
}

async fn configured_code(ctx: OrchestrationContext, to: String) -> u32 {
    #[cfg(feature = "mail")]
    let mail = ctx.call(send_mail(to));
    #[cfg(feature = "mail")]
    mail.await.ok();
    #[allow(unused_variables, clippy::let_unit_value)]
    let x = if cfg!(debug_assertions) { 1 } else { 2 };
    #[cfg(not(feature = "mail"))]
    {
        drop(to);
    }
    #[rustfmt::skip]
    match x { 1 => 1, _ => 2 }
}

async fn constant_and_unsafe_blocks(ctx: OrchestrationContext) -> u32 {
    const SIZE: usize = const { size_of::<u32>() * 2 };
    static NAMES: [&str; 2] = ["a", "b"];
    static PATTERN: LazyLock<Regex> = LazyLock::new(|| Regex::new("^a").unwrap());
    let n = const { 1 + 2 };
    let bytes = unsafe { transmute::<u32, [u8; 4]>(n) };
    let is = PATTERN.is_match(NAMES[0]) && u32::MAX.leading_zeros() == 0 && f64::EPSILON.abs() > 0.0;
    ctx.call(double(bytes[0].into())).await.unwrap_or(SIZE as u32 + u32::from(is))
}

async fn channels_between_branches(ctx: OrchestrationContext) -> Option<u32> {
    let (send, mut receive) = mpsc::channel::<u32>(8);
    let (done, wait) = oneshot::channel();
    let produce = async move {
        for n in 0..3 {
            send.send(n).await.ok();
        }
        done.send(()).ok();
    };
    let consume = async {
        let mut sum = 0;
        while let Some(n) = receive.recv().await {
            sum += ctx.call(double(n)).await.unwrap_or(0);
        }
        wait.await.ok();
        sum
    };
    let ((), sum) = tokio::join!(produce, consume);
    Some(sum)
}

async fn time_without_a_clock(ctx: OrchestrationContext, placed: Timestamp) -> Result<Span, jiff::Error> {
    let now = ctx.current_utc_datetime();
    let tomorrow = now.in_tz("UTC")?.tomorrow()?.start_of_day()?;
    ctx.create_timer(tomorrow.timestamp()).await;
    let limit = std::time::Duration::from_secs(60) + tokio::time::Duration::from_millis(5);
    let epoch = std::time::SystemTime::UNIX_EPOCH + limit;
    tracing::info!(?epoch);
    Ok(ctx.current_utc_datetime().since(placed)?)
}

async fn types_of_clients(ctx: OrchestrationContext, url: String) -> Result<u16, Failure> {
    let url = reqwest::Url::parse(&url)?;
    let method = reqwest::Method::GET;
    let response: Reply = ctx.call(send(method.to_string(), url.to_string())).await?;
    match reqwest::StatusCode::from_u16(response.status)? {
        reqwest::StatusCode::OK => Ok(200),
        status if status.is_client_error() => Err(Failure::Client(std::io::Error::other("client"))),
        status => Ok(status.as_u16()),
    }
}

async fn children_of_a_parent(ctx: OrchestrationContext, devices: Vec<String>) -> Result<usize, Failure> {
    let parent = ctx.instance_id().to_string();
    let children = devices.iter().enumerate().map(|(i, device)| {
        let id = format!("{parent}:{i}");
        ctx.call(provision(device.clone()).id(id))
    });
    let (ok, failed): (Vec<_>, Vec<_>) = ctx.join_all(children).await.into_iter().partition(Result::is_ok);
    tracing::info!(ok = ok.len(), failed = failed.len());
    Ok(ok.len())
}

async fn batches(ctx: OrchestrationContext, items: Vec<u32>) -> Result<Vec<u32>, Failure> {
    let mut results = Vec::new();
    for batch in items.chunks(10) {
        let calls = batch.iter().copied().map(double).map(|call| ctx.call(call));
        results.extend(ctx.try_join_all(calls).await?);
    }
    results.sort_by_key(|n| std::cmp::Reverse(*n));
    results.dedup();
    Ok(results)
}

async fn a_turbofish_here_and_there(ctx: OrchestrationContext) -> Result<Vec<u8>, Failure> {
    let n = "7".parse::<u32>().map_err(|error| Failure::Parse(error.to_string()))?;
    let all = (0..n).map(|n| ctx.call::<_>(double(n))).collect::<Vec<_>>();
    let all = ctx.try_join_all::<_, u32, CallError<Infallible>>(all).await?;
    Ok(all.into_iter().map(u8::try_from).collect::<Result<Vec<u8>, _>>()?)
}

async fn returns_a_block(ctx: OrchestrationContext, n: u32) -> u32 {
    let work = {
        let call = double(n);
        ctx.call(call)
    };
    let other = if n > 1 { ctx.call(double(n)) } else { ctx.call(double(0)) };
    let third = match n {
        0 => ctx.call(double(1)),
        _ => ctx.call(double(2)),
    };
    work.await.unwrap_or(0) + other.await.unwrap_or(0) + third.await.unwrap_or(0)
}

async fn awaits_in_every_place(ctx: OrchestrationContext) -> Result<u32, Failure> {
    let range = 0..ctx.call(one()).await?;
    let array = [ctx.call(one()).await?, ctx.call(two()).await?];
    let point = Point { x: ctx.call(one()).await?, ..Point::default() };
    let sum = array[ctx.call(one()).await? as usize] + point.x;
    while ctx.call(one()).await? < sum {
        ctx.create_timer(Duration::from_secs(1)).await;
    }
    if !matches!(ctx.call(one()).await, Ok(1 | 2)) || range.is_empty() {
        return Err(Failure::Other(format!("{:?}", ctx.call(two()).await?)));
    }
    Ok(-(ctx.call(one()).await? as i32) as u32)
}

async fn waits_for_a_number_of_events(ctx: OrchestrationContext, n: usize) -> Vec<String> {
    let waits = std::iter::repeat_with(|| ctx.wait_for_external_event_named("Vote")).take(n);
    let mut votes: Vec<String> = ctx.join_all(waits).await.into_iter().flatten().collect();
    votes.sort();
    for (n, vote) in (1..).zip(&votes) {
        ctx.call(count(n, vote.clone())).await.ok();
    }
    votes
}

async fn a_local_that_hides_a_module(ctx: OrchestrationContext, rand: Rand, time: u64) -> u64 {
    let thread = ctx.call(one()).await.unwrap_or(0);
    let fs = Some(thread);
    let spawn_blocking = fs.is_some();
    let thread_rng = 3;
    tracing::info!(spawn_blocking, thread_rng = %time);
    rand.next() + time + u64::from(thread) + u64::from(spawn_blocking) + thread_rng
}

async fn its_own_macro(ctx: OrchestrationContext) -> Result<u32, Failure> {
    macro_rules! call {
        ($($call:tt)*) => { ctx.call($($call)*).await };
    }
    let a = call!(one())?;
    let b = call!(two()).unwrap_or_else(|_| a);
    let map = hashmap! { "a" => a, "b" => b };
    Ok(map["a"] + maplit::btreemap! { 1 => b }[&1])
}

async fn inner_definitions(ctx: OrchestrationContext) -> u64 {
    #[activity]
    async fn now() -> u64 {
        use std::fs::*;
        println!("{:?}", read("x"));
        std::time::SystemTime::now().elapsed().unwrap().as_secs()
    }
    let read = |x: u64| x;
    read(ctx.call(now()).await.unwrap_or(0)) + write(3)
}

async fn patches(ctx: OrchestrationContext<Progress>, order: Order) -> Result<(), Failure> {
    if ctx.patched("fraud-check") {
        ctx.call(check_fraud(order.id)).await?;
    }
    ctx.set_custom_status(Progress::Checked { id: order.id });
    Ok(ctx.call(ship(order)).await.map(drop)?)
}

async fn sums_up_in_a_fold(ctx: OrchestrationContext, orders: Vec<Order>) -> Result<Decimal, Failure> {
    let (paid, open): (Vec<_>, Vec<_>) = orders.iter().partition(|order| order.is_paid);
    let total = paid.iter().fold(Decimal::ZERO, |sum, order| sum + order.total);
    for (n, order) in open.iter().enumerate().skip(1).step_by(2) {
        ctx.call(remind(order.id, n)).await?;
    }
    Ok(total)
}

async fn a_hash_map_that_is_only_asked(ctx: OrchestrationContext, prices: HashMap<String, u32>, items: Vec<String>) -> u32 {
    let mut total = 0;
    let mut seen = HashSet::new();
    for item in &items {
        if seen.insert(item) && let Some(price) = prices.get(item) {
            total += price;
        }
        match prices.get(item.as_str()) {
            Some(0) => continue,
            Some(price) if *price > 9 => tracing::warn!(price, ?item),
            _ => {}
        }
    }
    let missing: BTreeSet<&String> = items.iter().filter(|item| !prices.contains_key(*item)).collect();
    ctx.call(report(missing.len(), seen.len())).await.map_or(total, |n| n + total)
}

async fn names_in_other_places(ctx: OrchestrationContext, input: Input) -> Result<Reply, Failure> {
    let Input { random, elapsed, sleep, spawn, println } = input;
    let reply = Reply { elapsed, now: ctx.current_utc_datetime(), random: Some(random), ..Default::default() };
    let total = sleep.checked_add(spawn).ok_or(Failure::Overflow)?;
    tracing::info!(reply.elapsed, spawn = total, "select! and tokio::spawn in a text");
    assert_eq!(reply.random, Some(random), "random {random} {println:?} {}", reply.elapsed);
    Ok(reply)
}

async fn generic_helpers(ctx: OrchestrationContext, xs: Vec<u32>) -> Result<u32, Failure> {
    struct Batch<'a, T: Clone + 'a, const N: usize>(&'a [T; N]);
    impl<'a, T: Clone, const N: usize> Batch<'a, T, N> {
        fn run(&self) -> impl Iterator<Item = T> + use<'_, 'a, T, N> { self.0.iter().cloned() }
    }
    trait Spawn { fn spawn(self) -> u32; }
    impl Spawn for u32 { fn spawn(self) -> u32 { self } }
    let n = Batch(&[1, 2, 3]).run().map(Spawn::spawn).sum::<u32>();
    let m = <u32 as Spawn>::spawn(n);
    Ok(ctx.call(double(m)).await? + xs.iter().copied().map(<u32 as Into<u32>>::into).sum::<u32>())
}

async fn signals_of_an_entity(ctx: OrchestrationContext, mut state: State) -> State {
    let mut events = Vec::new();
    'events: loop {
        let event = ctx.wait_for_external_event::<Change>().await;
        let Ok(change) = event else { break 'events state };
        events.push(change.clone());
        state = match change {
            Change::Set { key, value } => State { key, value, ..state },
            Change::Clear if events.len() > 3 => break 'events State::default(),
            Change::Clear => continue,
            Change::Restart => return ctx.continue_as_new(signals_of_an_entity(state)).await,
        };
    }
}

async fn waits_with_a_deadline_in_a_loop(ctx: OrchestrationContext) -> Result<Vec<String>, Failure> {
    let deadline = ctx.create_timer(Duration::from_secs(60));
    tokio::pin!(deadline);
    let mut lines = vec![];
    loop {
        futures::select_biased! {
            line = ctx.wait_for_external_event_named::<String>("Line").fuse() => lines.push(line?),
            () = deadline.as_mut().fuse() => break,
        }
    }
    Ok(lines)
}

async fn a_stream_of_results(ctx: OrchestrationContext, ids: Vec<u32>) -> Result<u32, Failure> {
    let stream = futures::stream::iter(ids).then(|id| ctx.call(double(id)));
    futures::pin_mut!(stream);
    let mut total = 0;
    while let Some(n) = stream.try_next().await? {
        total += n;
    }
    let shared = ctx.call(one()).map(|r| r.unwrap_or(0)).shared();
    let both = futures::future::join(shared.clone(), shared);
    let (a, b) = both.await;
    Ok(total + a + b)
}

async fn options_of_calls(ctx: OrchestrationContext, is_slow: bool) -> Result<u32, Failure> {
    let call = double(1).retry(RetryPolicy::new(3, Duration::from_secs(1))).tag("kind", "slow");
    let slow = is_slow.then(|| ctx.call(call));
    let fast = ctx.call(double(2));
    let timer;
    timer = ctx.create_timer(Duration::from_secs(1));
    let result = match slow {
        Some(slow) => slow.await?,
        None => fast.await?,
    };
    timer.await;
    Ok(result)
}

async fn a_box_of_futures(ctx: OrchestrationContext) -> u32 {
    let mut steps: VecDeque<LocalBoxFuture<'_, u32>> = VecDeque::new();
    steps.push_back(ctx.call(one()).map(Result::unwrap_or_default).boxed_local());
    steps.push_back(Box::pin(async { ctx.call(two()).await.unwrap_or(0) }));
    let mut total = 0;
    while let Some(step) = steps.pop_front() {
        total += step.await;
    }
    total
}

async fn formats_what_it_waits_for(ctx: OrchestrationContext) -> String {
    let wait = ctx.wait_for_external_event_named::<u8>("Go");
    let text = format!("{wait:?} since {at}", at = ctx.current_utc_datetime());
    let r#loop = ctx.call(one());
    let other = format!("{}", r#loop.await.unwrap_or(0));
    text + &other
}

async fn a_reader_of_its_own(ctx: OrchestrationContext, cursor: Cursor) -> Result<u32, Failure> {
    let header = cursor.read(4)?;
    let body = cursor.write(header, 1).unwrap();
    ctx.call(store(header, body)).await?;
    let entry = REGISTRY.get("a").copied().unwrap_or(DEFAULTS.len());
    let text = TEMPLATE.replace("{id}", &entry.to_string());
    let all = ALL.iter().map(|x| x.0).max().unwrap_or(LIMITS[0]);
    Ok(ctx.call(send(text, all)).await?)
}

async fn a_count_down(ctx: OrchestrationContext, n: u8) {
    for left in (0..n).rev() {
        ctx.set_custom_status(left);
        ctx.create_timer(Duration::from_secs(1)).await;
    }
    for attempt in std::iter::successors(Some(1u64), |n| (*n < 60).then_some(n * 2)) {
        ctx.create_timer(Duration::from_secs(attempt)).await;
    }
    for host in HOSTS.iter().cycle().take(3) {
        ctx.call(ping(host)).await.ok();
    }
}

async fn variables_in_capitals(ctx: OrchestrationContext, mut TOTAL: u32) -> u32 {
    TOTAL += ctx.call(one()).await.unwrap_or(0);
    let LAST = Some(TOTAL).take();
    LAST.unwrap_or(TOTAL)
}

async fn methods_of_its_own(ctx: OrchestrationContext, items: HashMap<u8, u8>) -> u32 {
    struct Stock(Vec<u8>);
    impl Stock {
        fn first(&self, items: &[u8]) -> Option<u8> {
            items.iter().chain(&self.0).next().copied()
        }
        async fn watch(&self, c: &OrchestrationContext) {
            loop {
                c.create_timer(Duration::from_secs(1)).await;
            }
        }
    }
    let stock = Stock(vec![1]);
    ctx.timeout(Duration::from_secs(60), stock.watch(&ctx)).await.ok();
    u32::from(stock.first(&[]).unwrap_or(0)) + items.len() as u32
}

async fn what_only_reads_like_a_lock(ctx: OrchestrationContext, chart: Chart, mut input: Lines) {
    let temperature = chart.read();
    ctx.call(double(temperature)).await;
    while let Some(line) = input.read() {
        ctx.call(double(line)).await;
    }
    let (first, second) = (lock_of_a_branch(), lock_of_a_branch());
    let one = first.lock();
    let other = second.lock();
    let (one, other) = tokio::join!(one, other);
    use_both(one, other);
}

async fn loops_that_a_macro_leaves(ctx: OrchestrationContext, done: bool) {
    loop {
        ctx.call(one()).await;
        stop_if!(done);
    }
}

async fn a_helper_in_a_module(ctx: OrchestrationContext) {
    workflow::run(&ctx).await;
    for c in repeat("a", 3) {
        ctx.call(double(c)).await;
    }
    let seeded = random(ctx.random_u64());
    ctx.call(double(seeded)).await;
}
