//! The proof itself is tested: it is repeatable, and it finds what is known to be wrong.

use sockeye_tcp_simulation::cells::{self, AckClass, Cell, LenClass, SeqClass};
use sockeye_tcp_simulation::host::State;
use sockeye_tcp_simulation::run::{Pair, Record, Stack, is_ours, run};
use sockeye_tcp_simulation::wire::{ACK, RST, SYN};

const SMOLTCP: Pair = [Stack::Smoltcp, Stack::Smoltcp];
/// A cell that every stack answers as the RFC has it.
const CELL: Cell = Cell {
    state: State::Established,
    shut: false,
    seq: SeqClass::Next,
    ack: AckClass::Nxt,
    flags: ACK,
    len: LenClass::One,
};

#[test]
fn a_seed_is_repeatable() {
    for seed in 0..50 {
        let [first, second] = [0, 1].map(|_| run(seed, SMOLTCP, &mut Record::default()));
        assert_eq!(format!("{first:?}"), format!("{second:?}"), "seed {seed}");
    }
}

/// The first seeds of each pair; `cargo xtask tcp` runs thousands.
#[test]
fn the_engine_breaks_no_rule() {
    for pair in [[Stack::Own, Stack::Own], [Stack::Own, Stack::Smoltcp], [Stack::Smoltcp, Stack::Own]] {
        for seed in 0..300 {
            let result = run(seed, pair, &mut Record::default());
            let fault = result.err().filter(|fault| is_ours(fault, pair));
            assert!(fault.is_none(), "{pair:?} seed {seed}: {}", fault.unwrap());
        }
    }
}

#[test]
fn the_engine_answers_every_cell_as_the_table_has_it() {
    let differing: Vec<_> = cells::all().filter_map(|cell| cells::check(Stack::Own, cell)).collect();
    assert!(differing.is_empty(), "{} cells, such as {}", differing.len(), differing[0]);
}

#[test]
fn the_table_finds_what_smoltcp_lacks() {
    assert!(cells::check(Stack::Smoltcp, CELL).is_none());
    let in_window = Cell { seq: SeqClass::Inside, len: LenClass::None, ..CELL };
    let reset = cells::check(Stack::Smoltcp, Cell { flags: RST, ..in_window });
    assert!(reset.is_some(), "a RST anywhere in the window ends a connection of smoltcp 0.13");
    let syn = cells::check(Stack::Smoltcp, Cell { flags: SYN, ..in_window });
    assert!(syn.is_some(), "smoltcp 0.13 drops a SYN in the window without a challenge ACK");
}

#[test]
fn every_state_and_every_class_has_its_cells() {
    assert_eq!(cells::all().count(), (11 + 3) * 6 * 6 * 3 * 32);
}
