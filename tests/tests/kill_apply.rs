//! An apply is whole or absent: fleetd is killed again and again while bundles are applied.

use std::process::Stdio;
use std::time::{Duration, Instant};

use fleet_tests::{ORG, World, process};

const KILLS: usize = 100;
/// Resources of a bundle.
const SIZE: usize = 60;

/// Every site of the bundle says which bundle it is from.
fn bundle(number: usize) -> String {
    let site = |at: usize| {
        format!(
            "---\napiVersion: fleet/v1\nkind: Site\nmetadata: {{org: {ORG}, name: s{at}, labels: {{bundle: \"{number}\"}}}}\nspec: {{address: \"{number}\"}}\n"
        )
    };
    // Each bundle leaves one site out that the last one had, so that it deletes, too.
    (0..SIZE).filter(|at| at % SIZE != number % SIZE).map(site).collect()
}

#[test]
fn an_apply_is_whole_or_absent_through_a_hundred_kills() {
    let mut world = World::start();
    let apply = ["apply", "-f", "bundle.yaml", "--apply-set", "kill", "--prune", "--yes"];
    world.file("bundle.yaml", bundle(0));
    world.fleetctl(&apply).ok();
    let (mut whole, mut absent) = (0, 0);
    let mut stored = 0;
    // The moment of the kill is steered to where both ends are equally likely: around the commit.
    let mut after = Duration::from_millis(20);
    for number in 1..=KILLS {
        world.file("bundle.yaml", bundle(number));
        let mut command = world.fleetctl_command();
        let mut child = command
            .args(apply)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let begun = Instant::now();
        process::until(after, || {
            child
                .try_wait()
                .unwrap()
                .or((begun.elapsed() >= after).then(Default::default))
        });
        world.fleetd.kill();
        let answered = child.wait().unwrap().success();
        world.fleetd.restart();

        let found = world
            .fleetctl(&["get", "sites", "--org", ORG, "-o", "jsonl"])
            .ok()
            .json_lines();
        let mark = |site: &serde_json::Value| {
            (
                site["metadata"]["labels"]["bundle"].as_str().unwrap().to_owned(),
                site["spec"]["address"].as_str().unwrap().to_owned(),
            )
        };
        let (first, _) = mark(&found[0]);
        let now: usize = first.parse().unwrap();
        assert!(
            now == stored || now == number,
            "bundle {now} after {stored} and {number}"
        );
        assert!(
            !answered || now == number,
            "bundle {number} was acknowledged and is not there"
        );
        assert_eq!(found.len(), SIZE - 1, "bundle {now} is not whole");
        assert!(
            found.iter().all(|site| mark(site) == (first.clone(), first.clone())),
            "bundles are mixed: {found:?}"
        );
        let missing = format!("s{}", now % SIZE);
        assert!(
            found.iter().all(|site| site["metadata"]["name"] != *missing),
            "{missing} of bundle {now}"
        );
        if now == number {
            whole += 1;
            after = after.mul_f64(0.9);
        } else {
            absent += 1;
            after = (after.mul_f64(1.1) + Duration::from_millis(1)).min(Duration::from_secs(5));
        }
        stored = now;
    }
    assert!(
        whole >= 10 && absent >= 10,
        "{whole} whole and {absent} absent: the kills did not meet the applies"
    );
}
