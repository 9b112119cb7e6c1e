//! The RAM of a connection.

use sockeye_device::limits::FUTURE_SIZE_MAX;
use sockeye_device::{App, AppResources, ClientAddress, ClientOrigin, History, Settings, serve};

use crate::board::{Board, READINGS};
use crate::wire::Wire;

/// Pointers are at most twice as long here as on the chips for which the limit is.
#[test]
fn the_future_of_a_connection_is_small() {
    let board = Board::default();
    let mut histories = [const { History::new() }; READINGS.len()];
    let mut resources = AppResources::new();
    let app = App::new(&board, &mut resources, &mut histories, Settings::default()).unwrap();
    let mut wire = Wire::default();
    let serving = serve(
        &mut wire,
        &app,
        &board,
        ClientAddress {
            peer: ([127, 0, 0, 1], 1).into(),
            local: [127, 0, 0, 1].into(),
            origin: ClientOrigin::Loopback,
        },
    );
    let len = size_of_val(&serving);
    assert!(len <= 2 * FUTURE_SIZE_MAX, "{len} bytes");
}
