//! A year of a team: edits, renames, deletions and changes past the manifests, in a git repository.
//! After each, apply converges, nothing unowned is touched, and `blame` names the commit.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Command;

use fleet_tests::fleetd::PATIENCE;
use fleet_tests::{Finished, ORG, Seeded, World, process};
use serde_json::Value;

const STEPS: usize = 200;
/// Resources that the team begins with.
const FIRST: usize = 8;

/// A site as its manifest has it.
#[derive(Clone, Default)]
struct Site {
    address: String,
    ring: String,
    renamed_from: String,
    /// Commit that each field's value came with.
    commits: BTreeMap<&'static str, String>,
}

struct Team {
    world: World,
    repository: PathBuf,
    random: Seeded,
    sites: BTreeMap<String, Site>,
    /// Resources that are not the team's, by name: what is stored of them.
    foreign: BTreeMap<String, Value>,
    head: String,
    names: usize,
}

impl Team {
    fn git(&self, arguments: &[&str]) -> String {
        let mut command = Command::new("git");
        command
            .current_dir(&self.repository)
            .args(["-c", "user.name=team", "-c", "user.email=team@example.com"])
            .args(arguments)
            .env("HOME", self.world.home());
        process::run(&mut command, b"", PATIENCE).ok().stdout
    }

    fn run(&self, arguments: &[&str]) -> Finished {
        let mut command = self.world.fleetctl_command();
        command.current_dir(&self.repository).args(arguments);
        process::run(&mut command, b"", PATIENCE)
    }

    fn name(&mut self) -> String {
        self.names += 1;
        format!("site-{}", self.names)
    }

    fn any(&mut self) -> String {
        let at = self.random.below(self.sites.len() as u64) as usize;
        self.sites.keys().nth(at).unwrap().clone()
    }

    /// Writes the manifests, one file each, and commits them.
    fn commit(&mut self, message: &str) {
        let dir = self.repository.join("manifests");
        std::fs::remove_dir_all(&dir).unwrap();
        std::fs::create_dir_all(&dir).unwrap();
        for (name, site) in &self.sites {
            let renamed = match site.renamed_from.as_str() {
                "" => String::new(),
                from => format!("  renamedFrom: {from}\n"),
            };
            let text = format!(
                "apiVersion: fleet/v1\nkind: Site\nmetadata:\n  name: {name}\n{renamed}  labels:\n    ring: {}\nspec:\n  address: {}\n",
                site.ring, site.address
            );
            std::fs::write(dir.join(format!("{name}.yaml")), text).unwrap();
        }
        self.git(&["add", "-A"]);
        self.git(&["commit", "-q", "--allow-empty", "-m", message]);
        self.git(&["rev-parse", "HEAD"]).trim().clone_into(&mut self.head);
    }

    /// Fields that the last commit changed come from it.
    fn came_with_head(&mut self, name: &str, fields: &[&'static str]) {
        let head = self.head.clone();
        let site = self.sites.get_mut(name).unwrap();
        site.commits.extend(fields.iter().map(|field| (*field, head.clone())));
    }

    /// One thing that happens; gives what `apply` is told besides.
    fn step(&mut self, number: usize) -> Vec<&'static str> {
        let value = format!("v{number}");
        match self.random.below(10) {
            0 | 1 => {
                let name = self.any();
                self.sites.get_mut(&name).unwrap().address = value;
                self.commit("an edit");
                self.came_with_head(&name, &["spec.address"]);
                vec![]
            }
            2 => {
                let name = self.any();
                self.sites.get_mut(&name).unwrap().ring = value;
                self.commit("another label");
                self.came_with_head(&name, &["metadata.labels.ring"]);
                vec![]
            }
            3 => {
                let name = self.name();
                let site = Site {
                    address: value,
                    ring: "new".to_owned(),
                    ..Site::default()
                };
                self.sites.insert(name.clone(), site);
                self.commit("a new site");
                self.came_with_head(&name, &["spec.address", "metadata.labels.ring"]);
                vec![]
            }
            4 if self.sites.len() > FIRST / 2 => {
                let name = self.any();
                self.sites.remove(&name);
                self.commit("a site is gone");
                vec!["--yes"]
            }
            5 => {
                let (old, new) = (self.any(), self.name());
                let mut site = self.sites.remove(&old).unwrap();
                site.renamed_from = old;
                self.sites.insert(new, site);
                self.commit("a better name");
                vec!["--yes"]
            }
            6 => {
                // Somebody changes a field by hand, and the team insists.
                let name = self.any();
                self.by_hand(&name, &value);
                let refused = self.run(&["apply"]);
                assert_eq!(refused.code, 7, "{refused}");
                assert!(refused.stdout.contains("person/uid:"), "{refused}");
                self.came_with_head(&name, &["spec.address"]);
                vec!["--take"]
            }
            7 => {
                // Somebody changes a field by hand, and the team takes it over.
                let name = self.any();
                self.by_hand(&name, &value);
                self.sites.get_mut(&name).unwrap().address = value;
                self.commit("what was changed at night");
                self.came_with_head(&name, &["spec.address"]);
                vec![]
            }
            8 => {
                // Somebody deletes what the team has.
                let name = self.any();
                let site = format!("site/{name}");
                self.world.fleetctl(&["delete", &site, "--org", ORG, "--yes"]).ok();
                self.came_with_head(&name, &["spec.address", "metadata.labels.ring"]);
                vec![]
            }
            _ => {
                // Somebody has things of their own, and adds to the team's.
                let name = format!("foreign-{number}");
                let text =
                    format!("apiVersion: fleet/v1\nkind: Site\nmetadata: {{org: {ORG}, name: {name}}}\nspec: {{}}\n");
                self.world.apply_text(&text).ok();
                self.foreign.insert(name.clone(), self.stored(&name));
                let site = format!("site/{}", self.any());
                self.world.fleetctl(&["label", &site, "seen=yes", "--org", ORG]).ok();
                vec![]
            }
        }
    }

    fn by_hand(&self, name: &str, value: &str) {
        let text = format!(
            "apiVersion: fleet/v1\nkind: Site\nmetadata: {{org: {ORG}, name: {name}}}\nspec: {{address: {value}}}\n"
        );
        self.world
            .fleetctl_with(&["apply", "--take", "-f", "-"], text.as_bytes())
            .ok();
    }

    fn stored(&self, name: &str) -> Value {
        self.world
            .fleetctl(&["get", &format!("site/{name}"), "--org", ORG, "-o", "json"])
            .ok()
            .json()
    }

    fn check(&self, what: &str) {
        let pending = self.run(&["plan", "--exit-code"]);
        assert_eq!(pending.code, 0, "{what}: apply did not converge: {pending}");
        let all = self
            .world
            .fleetctl(&["get", "sites", "--org", ORG, "-o", "jsonl"])
            .ok()
            .json_lines();
        let named: BTreeMap<String, Value> = all
            .into_iter()
            .map(|site| (site["metadata"]["name"].as_str().unwrap().to_owned(), site))
            .collect();
        let expected = self.sites.keys().chain(self.foreign.keys());
        assert!(
            expected.clone().all(|name| named.contains_key(name)),
            "{what}: something is missing"
        );
        assert_eq!(named.len(), expected.count(), "{what}: something was left");
        for (name, site) in &self.sites {
            assert_eq!(named[name]["spec"]["address"], site.address, "{what}: {name}");
            assert_eq!(named[name]["metadata"]["labels"]["ring"], site.ring, "{what}: {name}");
        }
        for (name, before) in &self.foreign {
            assert_eq!(named[name], *before, "{what}: something of somebody else was touched");
        }
    }

    fn blame(&mut self, what: &str) {
        let name = self.any();
        let blame = self
            .world
            .fleetctl(&["blame", &format!("site/{name}"), "--org", ORG, "-o", "json"])
            .ok()
            .json();
        for (field, commit) in &self.sites[&name].commits {
            let found = blame.as_array().unwrap().iter().find(|found| found["path"] == *field);
            let found = found.unwrap_or_else(|| panic!("{what}: nobody owns {field} of {name}: {blame}"));
            assert_eq!(found["manager"], "applyset/plant", "{what}: {name} {field}");
            assert_eq!(found["commit"], *commit, "{what}: {name} {field}: {found}");
            let file = found["file"].as_str().unwrap();
            let shown = self.git(&["show", &format!("{commit}:{file}")]);
            let line = shown.lines().nth(found["line"].as_u64().unwrap() as usize - 1).unwrap();
            let value = if *field == "spec.address" {
                &self.sites[&name].address
            } else {
                &self.sites[&name].ring
            };
            assert!(
                line.ends_with(&format!(": {value}")),
                "{what}: {file}:{}: `{line}`",
                found["line"]
            );
        }
    }
}

#[test]
fn a_year_of_a_team() {
    let world = World::start();
    let repository = world.home().join("repository");
    std::fs::create_dir_all(repository.join("manifests")).unwrap();
    std::fs::write(
        repository.join("fleetctl.yaml"),
        format!("applySet: plant\norg: {ORG}\n"),
    )
    .unwrap();
    let mut team = Team {
        world,
        repository,
        random: Seeded::new(2026),
        sites: BTreeMap::new(),
        foreign: BTreeMap::new(),
        head: String::new(),
        names: 0,
    };
    team.git(&["init", "-q"]);
    for _ in 0..FIRST {
        let name = team.name();
        let site = Site {
            address: "first".to_owned(),
            ring: "first".to_owned(),
            ..Site::default()
        };
        team.sites.insert(name, site);
    }
    team.commit("the beginning");
    for name in team.sites.keys().cloned().collect::<Vec<_>>() {
        team.came_with_head(&name, &["spec.address", "metadata.labels.ring"]);
    }
    team.run(&["apply"]).ok();
    for number in 0..STEPS {
        let more = team.step(number);
        let what = format!("step {number}");
        let applied = team.run(&[&["apply"], more.as_slice()].concat());
        assert_eq!(applied.code, 0, "{what}: {applied}");
        team.check(&what);
        team.blame(&what);
    }
    assert!(team.foreign.len() > 5);
}
