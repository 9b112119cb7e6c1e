//! The table of drivers in docs/wiring.md, which is made from that of the code.

use std::fmt::Write;
use std::path::Path;

use sockeye_wiring::driver::Word;
use sockeye_wiring::drivers::DRIVERS;

const START: &str = "<!-- drivers -->\n";
const END: &str = "<!-- end of drivers -->\n";

fn table() -> String {
    let mut text =
        String::from("\n| driver | what it is | its words | its keys | least period |\n|---|---|---|---|---|\n");
    for driver in &DRIVERS {
        let words: Vec<_> = driver.words.iter().map(|word| format!("`{word}` {}", word.help)).collect();
        let key = |suffix: &str, unit: &str| {
            let point = if suffix.is_empty() { "" } else { "." };
            format!("`NAME{point}{suffix}` {unit}").trim_end().to_owned()
        };
        let readings = driver.readings.iter().map(|reading| key(reading.suffix, reading.unit));
        let output = driver.output.iter().map(|output| format!("{} (output)", key("", output.unit)));
        let keys: Vec<_> = readings.chain(output).collect();
        let period =
            driver.period.map_or("-".into(), |period| format!("{} ms (`{}`)", period.minimum_ms, Word::period(period)));
        let words = words.join("<br>").replace('|', "\\|");
        writeln!(text, "| `{}` | {} | {words} | {} | {period} |", driver.name, driver.help, keys.join("<br>")).unwrap();
    }
    text.push('\n');
    text
}

#[test]
fn the_table_of_drivers_is_not_stale() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/wiring.md");
    let page = std::fs::read_to_string(&path).unwrap();
    let (before, rest) = page.split_once(START).expect("the page has the table");
    let (found, after) = rest.split_once(END).expect("the page has the table's end");
    if std::env::var_os("SOCKEYE_BLESS").is_some() {
        std::fs::write(&path, format!("{before}{START}{}{END}{after}", table())).unwrap();
        return;
    }
    assert!(found == table(), "docs/wiring.md is stale: run this test with SOCKEYE_BLESS=1");
}
