//! What a check found: counted and grouped, so that it stays small whatever the store holds.

use std::collections::HashMap;
use std::fmt;

use serde::{Serialize, Serializer};

use crate::model::instance::InstanceId;
use crate::registration::Location;
use crate::replay::{Divergence, DivergenceKind};

/// How many ways of diverging are told apart, for one version of an orchestrator.
const MAX_FINDINGS: usize = 50;

/// How many instances that could not be checked are named.
const MAX_UNCHECKED: usize = 50;

/// What a [`check()`](super::check()) found.
///
/// It prints as text, and serializes as an object with these fields in camel case; orchestrators and findings come sorted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Report {
    /// How many instances were replayed.
    pub checked: u64,
    /// How many of them go on with this program.
    pub fine: u64,
    /// How many would be set aside, or wait for a definition.
    pub diverging: u64,
    /// How many could not be read or replayed.
    pub unchecked: u64,
    /// How many ended while the check was on its way.
    pub ended_meanwhile: u64,
    /// The same by orchestrator and version, by name.
    pub orchestrators: Vec<OrchestratorReport>,
    /// The first of those that could not be checked, and why.
    pub first_unchecked: Vec<Unchecked>,
    #[serde(skip)]
    places: HashMap<(String, Option<String>), usize>,
    #[serde(skip)]
    examples: usize,
}

/// What was found of one version of an orchestrator.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct OrchestratorReport {
    /// Its registered name, as the instances have it.
    pub name: String,
    /// Its version.
    pub version: Option<String>,
    /// Where this program defines it, as `file:line`.
    #[serde(serialize_with = "place")]
    pub defined_at: Option<Location>,
    /// How many of its instances were replayed.
    pub checked: u64,
    /// How many of them go on with this program.
    pub fine: u64,
    /// How many of these are set aside today. What is recorded of them fits; why they are set aside may come after that, where no replay
    /// gets to.
    pub fine_and_stalled: u64,
    /// How many would be set aside, or wait for a definition.
    pub diverging: u64,
    /// In what ways, the most frequent first.
    pub findings: Vec<Finding>,
    /// How many diverge in yet other ways.
    pub further: u64,
}

/// A way in which instances diverge.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Finding {
    /// In what way.
    pub kind: DivergenceKind,
    /// How many instances do.
    pub count: u64,
    /// How many of them are set aside today.
    pub already_stalled: u64,
    /// The first of them.
    pub instances: Vec<InstanceId>,
    /// For the first: the id of the action, and of the event that confirms it.
    pub event_id: Option<i32>,
    /// For the first: what was recorded.
    pub expected: Option<String>,
    /// For the first: what the code did instead.
    pub found: Option<String>,
    /// For the first: the same as a sentence.
    pub message: String,
    /// Where in the source the code did it, or asked for something last before it did not.
    pub location: Option<String>,
    /// What can be done about it.
    pub advice: &'static str,
    #[serde(skip)]
    key: String,
}

/// An instance that could not be checked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Unchecked {
    /// The instance.
    pub instance_id: InstanceId,
    /// Why not.
    pub reason: String,
}

fn place<S: Serializer>(location: &Option<Location>, serializer: S) -> Result<S::Ok, S::Error> {
    let place = location.map(|place| format!("{}:{}", place.file, place.line));
    place.serialize(serializer)
}

impl Report {
    pub(super) fn new(examples: usize) -> Self {
        Self {
            checked: 0,
            fine: 0,
            diverging: 0,
            unchecked: 0,
            ended_meanwhile: 0,
            orchestrators: Vec::new(),
            first_unchecked: Vec::new(),
            places: HashMap::new(),
            examples,
        }
    }

    /// Whether all that the store holds goes on with this program, as far as a replay can tell.
    #[must_use]
    pub const fn is_fine(&self) -> bool {
        self.diverging == 0 && self.unchecked == 0
    }

    /// For the end of a program: 0 when all is fine, 1 when instances diverge, 2 when none of those that were checked does and some could
    /// not be.
    #[must_use]
    pub const fn exit_code(&self) -> u8 {
        if self.diverging > 0 {
            1
        } else if self.unchecked > 0 {
            2
        } else {
            0
        }
    }

    pub(super) fn ended_meanwhile(&mut self) {
        self.ended_meanwhile += 1;
    }

    pub(super) fn could_not_check(&mut self, instance_id: InstanceId, reason: String) {
        self.unchecked += 1;
        if self.first_unchecked.len() < MAX_UNCHECKED {
            self.first_unchecked.push(Unchecked {
                instance_id,
                reason,
            });
        }
    }

    pub(super) fn undecodable(
        &mut self,
        name: &str,
        version: Option<&str>,
        defined_at: Option<Location>,
        id: &InstanceId,
        message: String,
        is_stalled: bool,
    ) {
        let kind = DivergenceKind::Undecodable;
        let finding = Finding {
            message,
            ..Finding::new(kind, id.clone())
        };
        self.count(name, version, defined_at, Some(finding), is_stalled);
    }

    pub(super) fn add(
        &mut self,
        name: &str,
        version: Option<&str>,
        defined_at: Option<Location>,
        verdict: Result<(), Box<Divergence>>,
        is_stalled: bool,
    ) {
        let finding = verdict.err().map(|divergence| Finding::from(*divergence));
        self.count(name, version, defined_at, finding, is_stalled);
    }

    fn count(
        &mut self,
        name: &str,
        version: Option<&str>,
        defined_at: Option<Location>,
        finding: Option<Finding>,
        is_stalled: bool,
    ) {
        let key = (name.to_owned(), version.map(str::to_owned));
        let place = *self
            .places
            .entry(key)
            .or_insert_with_key(|(name, version)| {
                self.orchestrators.push(OrchestratorReport {
                    name: name.clone(),
                    version: version.clone(),
                    defined_at,
                    checked: 0,
                    fine: 0,
                    fine_and_stalled: 0,
                    diverging: 0,
                    findings: Vec::new(),
                    further: 0,
                });
                self.orchestrators.len() - 1
            });
        let of = &mut self.orchestrators[place];
        self.checked += 1;
        of.checked += 1;
        let Some(finding) = finding else {
            self.fine += 1;
            of.fine += 1;
            of.fine_and_stalled += u64::from(is_stalled);
            return;
        };
        self.diverging += 1;
        of.diverging += 1;
        of.count(finding, is_stalled, self.examples);
    }

    /// In an order that does not depend on that of the instances.
    pub(super) fn sorted(mut self) -> Self {
        self.places.clear();
        for of in &mut self.orchestrators {
            of.findings
                .sort_by(|a, b| b.count.cmp(&a.count).then_with(|| a.key.cmp(&b.key)));
        }
        self.orchestrators
            .sort_by(|a, b| (&a.name, &a.version).cmp(&(&b.name, &b.version)));
        self
    }
}

impl OrchestratorReport {
    fn count(&mut self, finding: Finding, is_stalled: bool, examples: usize) {
        let key = finding.general();
        let at = self.findings.iter().position(|known| known.key == key);
        let at = match at {
            Some(at) => at,
            None if self.findings.len() == MAX_FINDINGS => {
                self.further += 1;
                return;
            }
            None => {
                let instances = Vec::new();
                self.findings.push(Finding {
                    key,
                    count: 0,
                    instances,
                    ..finding.clone()
                });
                self.findings.len() - 1
            }
        };
        let known = &mut self.findings[at];
        known.count += 1;
        known.already_stalled += u64::from(is_stalled);
        if known.instances.len() < examples {
            known.instances.extend(finding.instances);
        }
    }
}

impl Finding {
    fn new(kind: DivergenceKind, instance: InstanceId) -> Self {
        Self {
            kind,
            count: 1,
            already_stalled: 0,
            instances: vec![instance],
            event_id: None,
            expected: None,
            found: None,
            message: String::new(),
            location: None,
            advice: kind.advice(),
            key: String::new(),
        }
    }

    /// What is the same for all that diverge in this way.
    fn general(&self) -> String {
        let optional = |text: &Option<String>| general(text.as_deref().unwrap_or_default());
        let said = match self.expected {
            Some(_) => format!("{} | {}", optional(&self.expected), optional(&self.found)),
            None => general(&self.message),
        };
        let location = self.location.as_deref().unwrap_or_default();
        format!("{:?} | {said} | {location}", self.kind)
    }
}

/// A text without what differs between instances: ids, payloads, numbers, places in a payload, and words in quotes.
fn general(text: &str) -> String {
    let ends = [
        " as instance `",
        " to instance `",
        " with ",
        " at line ",
        " (the code asked",
    ];
    let end = ends.iter().filter_map(|end| text.find(end)).min();
    let mut general = String::new();
    let mut quoted = false;
    for c in text[..end.unwrap_or(text.len())].chars() {
        match c {
            '"' => quoted = !quoted,
            _ if quoted => {}
            '0'..='9' if general.ends_with('#') => {}
            '0'..='9' => general.push('#'),
            c => general.push(c),
        }
    }
    general
}

impl From<Divergence> for Finding {
    fn from(divergence: Divergence) -> Self {
        Self {
            event_id: divergence.event_id,
            expected: divergence.expected,
            found: divergence.found,
            message: divergence.message,
            location: divergence.location,
            ..Self::new(divergence.kind, divergence.instance_id)
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for of in self.orchestrators.iter().filter(|of| of.diverging > 0) {
            writeln!(f, "{of}")?;
        }
        for unchecked in &self.first_unchecked {
            let Unchecked {
                instance_id,
                reason,
            } = unchecked;
            writeln!(f, "not checked: `{instance_id}`: {reason}")?;
        }
        let named = self.first_unchecked.len() as u64;
        if self.unchecked > named {
            writeln!(f, "not checked: {} more", self.unchecked - named)?;
        }
        for of in self.orchestrators.iter().filter(|of| of.diverging == 0) {
            writeln!(f, "fine: {}: {} checked", of.title(), of.checked)?;
            of.tell_stalled(f)?;
        }
        write!(
            f,
            "{} checked: {} fine, {} diverging, {} not checked",
            self.checked + self.unchecked,
            self.fine,
            self.diverging,
            self.unchecked
        )?;
        match self.ended_meanwhile {
            0 => writeln!(f),
            ended => writeln!(f, "; {ended} ended meanwhile"),
        }
    }
}

impl OrchestratorReport {
    fn title(&self) -> String {
        let name = &self.name;
        let version = self.version.as_ref();
        let version = version.map_or_else(String::new, |version| format!(" version `{version}`"));
        format!("`{name}`{version}")
    }

    fn tell_stalled(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.fine_and_stalled {
            0 => Ok(()),
            stalled => writeln!(
                f,
                "  {stalled} of those that fit cannot advance today; whether they will is not in their history"
            ),
        }
    }
}

impl fmt::Display for OrchestratorReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (diverging, checked) = (self.diverging, self.checked);
        write!(f, "{}", self.title())?;
        if let Some(location) = self.defined_at {
            write!(f, " at {}:{}", location.file, location.line)?;
        }
        writeln!(f, ": {diverging} of {checked} diverge")?;
        for finding in &self.findings {
            write!(f, "{finding}")?;
        }
        if self.further > 0 {
            writeln!(f, "  {} more diverge in yet other ways", self.further)?;
        }
        self.tell_stalled(f)
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ids: Vec<_> = self.instances.iter().map(|id| format!("`{id}`")).collect();
        let more = self.count.saturating_sub(ids.len() as u64);
        let more = match more {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        writeln!(f, "  {}: {}{more}", self.kind, ids.join(", "))?;
        match (&self.expected, &self.found) {
            (Some(expected), Some(found)) => {
                if let Some(id) = self.event_id {
                    writeln!(f, "    event     {id}, of the first")?;
                }
                writeln!(f, "    expected  {expected}")?;
                writeln!(f, "    found     {found}")?;
            }
            _ => writeln!(f, "    {}", self.message)?,
        }
        if let Some(location) = &self.location {
            writeln!(f, "    at        {location}")?;
        }
        if self.already_stalled > 0 {
            let stalled = self.already_stalled;
            writeln!(f, "    {stalled} of them cannot advance today either")?;
        }
        writeln!(f, "    what to do: {}", self.advice)
    }
}
