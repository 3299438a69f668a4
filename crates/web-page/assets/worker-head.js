// What stands around a conversation: the worker's name and state, what can be done with it, and
// a line about model, tokens and the last reply.

import { ApiError, deleteWorker, renameWorker, stopWorker } from "./api.js";
import * as composer from "./composer.js";
import { resume, suspend } from "./conversation.js";
import { ask } from "./dialogs.js";
import { button, byId, input, setText } from "./dom.js";
import { notify } from "./notices.js";
import { canOperate } from "./session.js";
import { endWords, wordsFor } from "./words.js";
import { refresh } from "./worker-list.js";

/** @type {WorkerId | null} */
let open_ = null;
/** @type {WorkerDetail | null} */
let detail = null;

/** What a client that may only read can do. @type {Set<Schemas["Capability"]>} */
const READING = new Set(["get_worker", "read_transcript", "read_events"]);

/** @param {Schemas["Capability"]} capability */
export const can = (capability) =>
	(READING.has(capability) || canOperate()) && (detail?.capabilities.includes(capability) ?? false);

/** @param {WorkerId | null} worker */
export function open(worker) {
	open_ = worker;
	detail = null;
	byId("worker").hidden = !worker;
	byId("nothing-open").hidden = worker !== null;
	setText(byId("worker-name"), "…");
	for (const id of ["worker-state", "status-line", "record"]) setText(byId(id), "");
	endRename();
	update();
	composer.open(worker);
	document.title = "yoi";
}

/** The worker is gone. */
export function close() {
	detail = null;
	setText(byId("worker-name"), "No such worker");
	update();
	composer.allow(false);
}

/** @param {WorkerDetail} now */
export function show(now) {
	const isFirst = detail === null;
	detail = now;
	setText(byId("worker-name"), now.display_name);
	document.title = `${now.display_name} – yoi`;
	setText(byId("status-line"), statusText(now));
	const isRecord = now.state === "recorded";
	byId("record").hidden = !isRecord;
	byId("log").hidden = !can("read_transcript");
	if (isRecord) {
		setText(byId("record"), "This is a read-only record that older local tools left. It says that there was such a worker, and nothing about whether it still runs.");
	}
	showState(now.state, now.active_run ?? undefined);
	update();
	composer.allow(can("send_input"));
	// Not where it would raise a keyboard over half of the screen.
	if (isFirst && can("send_input") && matchMedia("(pointer: fine)").matches) composer.focus();
}

/** @param {WorkerState} state @param {string} [run] */
export function showState(state, run) {
	const shown = byId("worker-state");
	setText(shown, state);
	shown.dataset.state = state;
	composer.setRun(["queued", "running", "cancelling"].includes(state) ? (run ?? "") : null);
}

function update() {
	button("rename").hidden = !can("rename_worker") || !byId("rename-form").hidden;
	button("stop").hidden = !can("stop_worker");
	button("delete").hidden = !can("delete_worker");
}

/** @param {WorkerDetail} now */
function statusText(now) {
	const usage = now.conversation?.usage;
	const last = now.conversation?.last_run;
	const tokens = last && usage ? `${usage.input_tokens ?? "?"} tokens in, ${usage.output_tokens ?? "?"} out` : "";
	const outcome = last ? endWords(last) || "last reply completed" : "";
	const notes = now.diagnostics.map((diagnostic) => diagnostic.message);
	return [now.model, now.profile, tokens, outcome, ...notes].filter(Boolean).join(" · ");
}

export function listen() {
	button("rename").addEventListener("click", () => {
		const name = input("new-name");
		name.value = detail?.display_name ?? "";
		byId("rename-form").hidden = false;
		byId("worker-name").hidden = true;
		update();
		name.select();
	});
	button("rename-back").addEventListener("click", endRename);
	byId("rename-form").addEventListener("keydown", (event) => {
		if (event.key === "Escape") endRename();
	});
	byId("rename-form").addEventListener("submit", (event) => {
		event.preventDefault();
		const name = input("new-name").value.trim();
		if (name) void act(async (worker) => {
			const renamed = await renameWorker(worker, name);
			endRename();
			return renamed;
		});
	});
	button("stop").addEventListener("click", async () => {
		// Another worker may be open by the answer.
		const worker = open_;
		const text = `“${detail?.display_name}” takes no messages afterwards. What was said can still be read.`;
		if (await ask("Stop this worker for good?", text, "Stop worker")) await act(stopWorker, worker);
	});
	button("delete").addEventListener("click", async () => {
		const worker = open_;
		const text = `“${detail?.display_name}” and all that was said are gone afterwards.`;
		if (await ask("Delete this worker?", text, "Delete worker")) await act(remove, worker);
	});
}

/** @param {WorkerId} worker */
async function remove(worker) {
	// A wait for its events would be answered that there is no such worker.
	if (worker === open_) suspend();
	try {
		await deleteWorker(worker);
	} catch (error) {
		// Somebody else was faster.
		if (!(error instanceof ApiError && error.status === 404)) {
			if (worker === open_) resume();
			throw error;
		}
	}
	if (worker === open_) location.hash = "";
	return null;
}

/** @param {(worker: WorkerId) => Promise<WorkerDetail | null>} change @param {WorkerId | null} [worker] */
async function act(change, worker = open_) {
	if (!worker) return;
	try {
		const now = await change(worker);
		if (now && worker === open_) show(now);
		refresh();
	} catch (error) {
		notify(wordsFor(error));
	}
}

function endRename() {
	if (byId("rename-form").hidden) return;
	byId("rename-form").hidden = true;
	byId("worker-name").hidden = false;
	update();
	button("rename").focus();
}
