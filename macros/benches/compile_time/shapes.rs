//! The functions that are compiled: what an activity may look like, in equal numbers. `{i}` stands for the number of the function.

/// The activities of one look.
pub(crate) struct Shape {
    /// What the attribute says.
    pub(crate) keys: &'static str,
    /// What a call by name says for the same keys.
    pub(crate) options: &'static str,
    pub(crate) context: bool,
    /// Names and types of the parameters.
    pub(crate) parameters: &'static [(&'static str, &'static str)],
    /// What an orchestrator passes for them.
    pub(crate) arguments: &'static [&'static str],
    pub(crate) output: &'static str,
    pub(crate) error: Option<&'static str>,
    pub(crate) body: &'static str,
}

const PLAIN: Shape = Shape {
    keys: "",
    options: "",
    context: false,
    parameters: &[],
    arguments: &[],
    output: "()",
    error: None,
    body: "",
};

pub(crate) const SHAPES: &[Shape] = &[
    Shape {
        parameters: &[("city", "String")],
        arguments: &[r#""Tokyo".to_owned()"#],
        output: "String",
        body: r#"format!("Hello {city} from {i}!")"#,
        ..PLAIN
    },
    Shape {
        parameters: &[("order", "Order")],
        arguments: &["Order::of(&name, {i})"],
        output: "u64",
        body: "order.items.iter().map(|item| u64::from(item.count) * item.cents).sum::<u64>() + {i}",
        ..PLAIN
    },
    Shape {
        keys: r#"retry(max_attempts = 3, first_interval = "1s", backoff_coefficient = 2.0), timeout = "30s""#,
        options: ".retry(RetryPolicy::new(3, Duration::from_secs(1)).backoff_coefficient(2.0)).timeout(Duration::from_secs(30))",
        parameters: &[("card", "String"), ("cents", "u64")],
        arguments: &["name.clone()", "{i}"],
        output: "Receipt",
        error: Some("Refused"),
        body: "let number = look_up(&card).await.ok_or(Refused::Busy)?;
    if cents == 0 {
        return Err(Refused::Unknown(card));
    }
    Ok(Receipt { number: number + {i}, cents, lines: vec![card] })",
        ..PLAIN
    },
    Shape {
        output: "Vec<String>",
        body: r#"(0..{i}u32 % 7).map(|number| format!("line {number}")).collect()"#,
        ..PLAIN
    },
    Shape {
        parameters: &[("items", "Vec<Item>"), ("limit", "Option<u32>")],
        arguments: &[r#"vec![Item::of("lamp"), Item::of("chair")]"#, "Some({i})"],
        output: "Vec<Item>",
        error: Some("String"),
        body: r#"let limit = limit.unwrap_or({i}) as usize;
    if items.len() > limit {
        return Err(format!("{} items are more than {limit}", items.len()));
    }
    Ok(items.into_iter().filter(|item| item.count > 0).collect())"#,
        ..PLAIN
    },
    Shape {
        context: true,
        parameters: &[("address", "Address")],
        arguments: &["Address::in_city(&name)"],
        output: "bool",
        body: "let attempt = ctx.attempt();
    address.zip.is_some() || attempt > {i}",
        ..PLAIN
    },
    Shape {
        parameters: &[
            ("customer", "String"),
            ("address", "Address"),
            ("items", "Vec<Item>"),
        ],
        arguments: &[
            "name.clone()",
            r#"Address::in_city("Seattle")"#,
            r#"vec![Item::of("desk")]"#,
        ],
        output: "Order",
        error: Some("Refused"),
        body: "let id = look_up(&customer).await.ok_or(Refused::Busy)? + {i};
    Ok(Order { id, customer, items, ship_to: address })",
        ..PLAIN
    },
    Shape {
        keys: r#"total_timeout = "5m""#,
        options: ".total_timeout(Duration::from_secs(300))",
        parameters: &[("receipt", "Receipt")],
        arguments: &["Receipt { number: {i}, cents: 995, lines: Vec::new() }"],
        output: "()",
        error: Some("String"),
        body: r#"match look_up(&receipt.lines.concat()).await {
        Some(found) if found > {i} => Ok(()),
        _ => Err(format!("receipt {} is unknown", receipt.number)),
    }"#,
        ..PLAIN
    },
    Shape {
        parameters: &[
            ("numbers", "Vec<u64>"),
            ("factor", "f64"),
            ("name", "String"),
        ],
        arguments: &["vec![1, 2, {i}]", "1.5", "name.clone()"],
        output: "f64",
        body: "let sum: u64 = numbers.iter().sum();
    sum as f64 * factor + name.len() as f64",
        ..PLAIN
    },
    Shape {
        context: true,
        parameters: &[("note", "Option<String>"), ("urgent", "bool")],
        arguments: &["Some(name.clone())", "true"],
        output: "Option<Receipt>",
        body: "let note = note.filter(|_| !ctx.is_cancelled())?;
    let cents = if urgent { 2 * {i} } else { {i} };
    Some(Receipt { number: look_up(&note).await?, cents, lines: vec![note] })",
        ..PLAIN
    },
];
