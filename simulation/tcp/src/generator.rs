//! smoltcp 0.13.1's generator (its `src/rand.rs`), and how three numbers in a row give its state. Initial sequence numbers,
//! IDs of DHCP and DNS, and ports of DNS come from it.

/// The generator's next state.
pub fn step(state: u64) -> u64 {
    state.wrapping_mul(MULTIPLIER).wrapping_add(INCREMENT)
}

/// The number that a state gives.
pub fn output(state: u64) -> u32 {
    (state >> low_bits(state >> 61)) as u32
}

const MULTIPLIER: u64 = 0xbb2e_fcec_3c39_611d;
const INCREMENT: u64 = 0x7590_ef39;

/// How many bits below the number a state has whose three top bits are `top`.
fn low_bits(top: u64) -> u64 {
    29 - top
}

/// The states after the third of three numbers in a row that fit all three. A sequence of other numbers mostly fits none.
///
/// Three top bits of a state say where in it the number lies. The bits below the number are unknown, and some between the
/// number and the top. All choices of the bits above the low ones are tried, in both states. The low bits of the first
/// state are to bring the second into a range, and Euclid's algorithm finds them.
pub fn recover([first, second, third]: [u32; 3]) -> Vec<u64> {
    let mut found = Vec::new();
    for (base, low) in bases(first) {
        for (next, next_low) in bases(second) {
            let start = next.wrapping_sub(step(base));
            for state in multiples_in(start, 1 << next_low, 1 << low) {
                let after = step(step(base | state));
                if output(after) == third {
                    found.push(after);
                }
            }
        }
    }
    found
}

/// All states that give a number, without their low bits, and how many low bits they have.
fn bases(number: u32) -> impl Iterator<Item = (u64, u64)> {
    (0..8_u64).flat_map(move |top| {
        let low = low_bits(top);
        (0..1_u64 << top).map(move |middle| (top << 61 | middle << (low + 32) | u64::from(number) << low, low))
    })
}

/// The numbers below `bound` whose product with the multiplier, modulo 2^64, is one of `len` from `start` on.
fn multiples_in(start: u64, len: u64, bound: u64) -> impl Iterator<Item = u64> {
    let mut from = 0;
    core::iter::from_fn(move || {
        // The next one is the first of a range that has moved by what the numbers before it add.
        let moved = u128::from(start.wrapping_sub(MULTIPLIER.wrapping_mul(from)));
        let (modulus, last) = (1_u128 << 64, moved + u128::from(len) - 1);
        let first = match last.checked_sub(modulus) {
            // The range goes over 2^64, so 0 is in it.
            Some(_) => Some(0),
            None => first_in(MULTIPLIER.into(), modulus, moved, last),
        };
        let number =
            u64::try_from(first?).ok().and_then(|step| from.checked_add(step)).filter(|number| *number < bound)?;
        from = number + 1;
        Some(number)
    })
}

/// The least number whose product with `factor`, modulo `modulus`, is from `least` to `most`. None if there is none.
fn first_in(factor: u128, modulus: u128, least: u128, most: u128) -> Option<u128> {
    if least == 0 {
        return Some(0);
    }
    if factor == 0 {
        return None;
    }
    let first = least.div_ceil(factor);
    if first * factor <= most {
        return Some(first);
    }
    // No multiple of `factor` is between them. The question is how often the modulus is to be taken off: the same
    // question with smaller numbers.
    let (least_left, most_left) = (factor - most % factor, factor - least % factor);
    let turns = first_in(modulus % factor, factor, least_left, most_left)?;
    Some((least + modulus * turns).div_ceil(factor))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_multiple_in_a_range_is_that_of_a_search() {
        let mut random = fastrand::Rng::with_seed(1);
        for _ in 0..20_000 {
            let modulus = random.u128(1..200);
            let (factor, least) = (random.u128(..modulus), random.u128(..modulus));
            let most = random.u128(least..modulus);
            let expected = (0..modulus).find(|number| (least..=most).contains(&(number * factor % modulus)));
            assert_eq!(first_in(factor, modulus, least, most), expected, "{factor} {modulus} {least} {most}");
        }
    }

    #[test]
    fn every_state_is_found_and_random_numbers_fit_none() {
        let mut random = fastrand::Rng::with_seed(2);
        for _ in 0..20 {
            let first = random.u64(..);
            let states = [first, step(first), step(step(first))];
            assert_eq!(recover(states.map(output)), [states[2]]);
            let numbers = [(); 3].map(|()| random.u32(..));
            assert_eq!(recover(numbers), [], "{numbers:?}");
        }
    }
}
