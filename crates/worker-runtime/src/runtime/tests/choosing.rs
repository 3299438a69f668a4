//! The model and the profile of a worker, and how they reach its engine.

use std::sync::Mutex;

use async_trait::async_trait;

use super::*;
use crate::{CreateError, EngineError, ModelInfo, Output, Profile, ProfileSet, Turn};

/// Has these models, and keeps what it was asked.
struct Recorder {
    models: &'static [&'static str],
    turns: Mutex<Vec<Turn>>,
}

#[async_trait]
impl TurnEngine for Recorder {
    fn models(&self) -> Vec<ModelInfo> {
        let model = |name: &&str| ModelInfo {
            name: (*name).to_owned(),
            offline: true,
        };
        self.models.iter().map(model).collect()
    }

    async fn run(&self, turn: Turn, _: Output) -> Result<(), EngineError> {
        self.turns.lock().unwrap().push(turn);
        Ok(())
    }
}

fn profile(id: &str, more: &str) -> Profile {
    let text = format!("id: {id}\ndescription: d\n{more}");
    text.parse().unwrap()
}

fn profiles() -> ProfileSet {
    let large = profile("local:large", "model: large\ntemperature: 0.5\n\nBe brief.");
    let lost = profile("local:lost", "model: lost");
    ProfileSet::new(profile("local:plain", ""), [large, lost]).unwrap()
}

fn runtime(models: &'static [&'static str]) -> (Runtime, Arc<Recorder>) {
    let turns = Mutex::default();
    let engine = Arc::new(Recorder { models, turns });
    let runtime = Runtime::builder()
        .engine(engine.clone())
        .profiles(profiles());
    (runtime.build().unwrap(), engine)
}

fn request(profile: Option<&str>, model: Option<&str>) -> CreateWorker {
    CreateWorker {
        profile: profile.map(str::to_owned),
        model: model.map(str::to_owned),
        ..CreateWorker::default()
    }
}

#[test]
fn a_worker_has_the_model_of_its_request_or_of_its_profile_or_the_default_one() {
    let (runtime, _) = runtime(&["small", "large"]);
    let (large, lost) = (Some("local:large"), Some("local:lost"));
    let cases = [
        (None, None, Ok("small")),
        (None, Some("large"), Ok("large")),
        (large, None, Ok("large")),
        (large, Some("small"), Ok("small")),
        (lost, Some("small"), Ok("small")),
        (lost, None, Err(CreateError::UnknownModel)),
        (None, Some("Small"), Err(CreateError::UnknownModel)),
        (None, Some(""), Err(CreateError::UnknownModel)),
        (Some("x"), Some("x"), Err(CreateError::UnknownProfile)),
    ];
    for (profile, model, expected) in cases {
        let created = at_once(runtime.create(request(profile, model)));
        let created = created.map(|created| created.worker.model.unwrap().to_string());
        assert_eq!(
            created,
            expected.map(str::to_owned),
            "{profile:?} {model:?}"
        );
    }
    let created = cases.iter().filter(|(.., expected)| expected.is_ok());
    assert_eq!(runtime.status().workers.total(), created.count());
}

#[test]
fn an_engine_without_models_offers_none_to_choose() {
    let (runtime, _) = runtime(&[]);
    assert!(runtime.models().is_empty());
    let created = at_once(runtime.create(CreateWorker::default())).unwrap();
    assert_eq!(created.worker.model, None);
    for unknown in [
        request(None, Some("small")),
        request(Some("local:large"), None),
    ] {
        assert_eq!(
            at_once(runtime.create(unknown)),
            Err(CreateError::UnknownModel)
        );
    }
}

#[test]
fn a_key_belongs_to_one_model_and_finds_its_worker_when_the_profile_has_gone() {
    let (runtime, _) = runtime(&["small", "large"]);
    let keyed = |model| CreateWorker {
        idempotency_key: Some("k".parse().unwrap()),
        ..request(Some("local:large"), model)
    };
    let first = at_once(runtime.create(keyed(None))).unwrap().worker;
    let other = at_once(runtime.create(keyed(Some("large"))));
    assert_eq!(other, Err(CreateError::IdempotencyConflict));

    runtime.set_profiles(ProfileSet::builtin());
    let again = at_once(runtime.create(keyed(None))).unwrap();
    assert_eq!((again.worker, again.replayed), (first, true));
    let new = at_once(runtime.create(request(Some("local:large"), None)));
    assert_eq!(new, Err(CreateError::UnknownProfile));
}

#[tokio::test(start_paused = true)]
async fn a_worker_keeps_its_profile_and_new_ones_have_the_new() {
    let (runtime, engine) = runtime(&["small", "large"]);
    let create = || {
        let created = at_once(runtime.create(request(Some("local:large"), None)));
        created.unwrap().worker.id
    };
    let old = create();
    let changed = profile("local:large", "max_output_tokens: 9\n\nBe verbose.");
    runtime.set_profiles(ProfileSet::new(changed, []).unwrap());
    for (worker, model, instructions) in [
        (old, "large", "Be brief."),
        (create(), "small", "Be verbose."),
    ] {
        let run = at_once(runtime.send_input(worker, Input::new("hi"))).unwrap();
        runtime.reply(worker, &run, SECOND).await.unwrap();
        let turn = engine.turns.lock().unwrap().pop().unwrap();
        assert_eq!(
            (turn.worker_id, turn.model.as_deref()),
            (worker, Some(model))
        );
        assert_eq!(&*turn.instructions, instructions);
        let sampling = (turn.sampling.temperature, turn.sampling.max_output_tokens);
        let temperature = (worker == old).then(|| "0.5".parse().unwrap());
        let tokens = (worker != old).then(|| 9.try_into().unwrap());
        assert_eq!(sampling, (temperature, tokens));
    }
}
