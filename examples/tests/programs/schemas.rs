//! What the server says of its orchestrators is true of what they take and show.

use boon::{Compiler, Draft, SchemaIndex, Schemas};
use serde_json::{Value, json};

use crate::server::Server;

struct Described {
    compiler: Compiler,
    schemas: Schemas,
}

impl Described {
    const PLACE: &str = "memory:///openapi.json";

    async fn by(server: &Server) -> Self {
        let mut compiler = Compiler::new();
        compiler.set_default_draft(Draft::V2020_12);
        let document = server.openapi().await;
        compiler.add_resource(Self::PLACE, document).unwrap();
        Self {
            compiler,
            schemas: Schemas::new(),
        }
    }

    fn schema(&mut self, name: &str) -> SchemaIndex {
        let place = format!("{}#/components/schemas/{name}", Self::PLACE);
        self.compiler.compile(&place, &mut self.schemas).unwrap()
    }

    #[track_caller]
    fn accepts(&mut self, name: &str, value: &Value) {
        let schema = self.schema(name);
        let fits = self.schemas.validate(value, schema);
        assert!(fits.is_ok(), "{name}: {fits:?}");
    }

    #[track_caller]
    fn refuses(&mut self, name: &str, value: &Value) {
        let schema = self.schema(name);
        let fits = self.schemas.validate(value, schema);
        assert!(fits.is_err(), "{name}: {value}");
    }
}

#[tokio::test]
async fn a_hello_sequence_is_what_its_schemas_say() {
    let server = Server::start("memory", "0");
    let mut described = Described::by(&server).await;
    let cities = json!(["Tokyo", "Seattle"]);
    described.accepts("E1_HelloSequence.Input", &cities);
    described.accepts("E1_HelloSequence.Input", &Value::Null);
    described.refuses("E1_HelloSequence.Input", &json!("Tokyo"));
    server.begin("E1_HelloSequence", "hello", &cities).await;
    let status = server.completed("hello").await;
    described.accepts("E1_HelloSequence.CustomStatus", &status["customStatus"]);
    described.accepts("E1_HelloSequence.Output", &status["output"]);
    described.refuses("E1_HelloSequence.CustomStatus", &json!("x".repeat(65)));
    described.refuses("E1_HelloSequence.Output", &json!([1]));
}

#[tokio::test]
async fn a_ticket_is_offered_and_confirmed_as_its_schemas_say() {
    let server = Server::start("memory", "0");
    let mut described = Described::by(&server).await;
    let user = json!("user-1");
    described.accepts("ReserveTicket.Input", &user);
    server.begin("ReserveTicket", "ticket", &user).await;
    let is_offered = |status: &Value| !status["customStatus"].is_null();
    let offered = server.status_when("ticket", is_offered).await;
    let offer = &offered["customStatus"];
    described.accepts("ReserveTicket.CustomStatus", offer);
    let mut wrong = offer.clone();
    wrong["discount"] = json!("much");
    described.refuses("ReserveTicket.CustomStatus", &wrong);
    let raised = server.post("instances/ticket/raiseEvent/BookingConfirmed", &json!(true));
    raised.await.error_for_status().unwrap();
    let status = server.completed("ticket").await;
    described.accepts("ReserveTicket.CustomStatus", &status["customStatus"]);
    described.accepts("ReserveTicket.Output", &status["output"]);
    described.refuses("ReserveTicket.Output", &json!("yes"));
}

#[tokio::test]
async fn the_sample_of_the_documentation_is_what_its_schema_says() {
    let server = Server::start("memory", "0");
    let mut described = Described::by(&server).await;
    let sample = json!({ "nextActions": ["A", "B", "C"], "foo": 2 });
    described.accepts("CustomStatusSample.CustomStatus", &sample);
    let too_few = json!({ "nextActions": ["A", "B"], "foo": 2 });
    described.refuses("CustomStatusSample.CustomStatus", &too_few);
}
