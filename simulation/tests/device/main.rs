//! The device as its clients see it: scripts of what is sent and what comes back, over connections in memory.

mod auth;
mod board;
mod client;
mod connection;
mod docs;
mod field;
mod firmware;
mod http;
mod keys;
mod log;
#[expect(dead_code, reason = "the tests of push use the rest")]
#[path = "../push/net.rs"]
mod net;
#[expect(dead_code, reason = "the tests of push use the rest")]
#[path = "../push/peer.rs"]
mod peer;
mod power;
mod pubsub;
mod push_beside_update;
mod radio;
mod redis;
#[path = "../../../crates/resp/tests/common/redis_server.rs"]
mod redis_server;
mod redis_shapes;
mod remote;
mod room;
mod rules;
mod rules_model;
mod script;
mod server;
mod size;
mod slots;
mod split;
mod stream;
mod transactions;
mod ts;
mod update_life;
mod updates;
mod wear;
mod wifi;
mod wire;
mod wiring;
