//! Creating workers and sending them inputs, directly and through the registry.

use divan::Bencher;
use registry_core::port::Input;

use super::{Pair, runtime_id};

mod create {
    use super::*;

    #[divan::bench(sample_count = 100, sample_size = 10)]
    fn directly(bencher: Bencher<'_, '_>) {
        let pair = Pair::new(1);
        pair.measure(bencher, || {
            pair.runtime.create(worker_runtime::CreateWorker::default())
        });
    }

    #[divan::bench(sample_count = 100, sample_size = 10)]
    fn through_the_registry(bencher: Bencher<'_, '_>) {
        let pair = Pair::new(1);
        let runtime_id = runtime_id();
        pair.measure(bencher, || {
            let request = registry_core::port::CreateWorker::default();
            pair.registry.create_worker(&runtime_id, request)
        });
    }
}

mod input_to_the_end_of_its_run {
    use super::*;

    #[divan::bench]
    fn directly(bencher: Bencher<'_, '_>) {
        let pair = Pair::with_a_conversation();
        bencher.bench_local(|| {
            pair.executor.block_on(async {
                let input = worker_runtime::Input::new("hello there");
                let accepted = pair.runtime.send_input(pair.worker, input).await;
                accepted.expect("an idle worker takes an input");
                pair.run_ends().await;
            });
        });
    }

    #[divan::bench]
    fn through_the_registry(bencher: Bencher<'_, '_>) {
        let pair = Pair::with_a_conversation();
        bencher.bench_local(|| {
            pair.executor.block_on(async {
                let input = Input {
                    content: "hello there".to_owned(),
                    idempotency_key: None,
                };
                let accepted = pair.registry.send_input(&pair.worker_ref, input).await;
                accepted.expect("an idle worker takes an input");
                pair.run_ends().await;
            });
        });
    }
}
