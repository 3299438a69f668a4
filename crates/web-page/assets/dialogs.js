// Questions, and the form for a new worker.

import { ApiError, call, newKey } from "./api.js";
import { byId, make, setText } from "./dom.js";
import { notify, on } from "./notices.js";
import { wordsFor } from "./words.js";
import { creating, keyOf, loop as list } from "./worker-list.js";

const question = byId("question");
const form = byId("new-dialog");
/** Of the worker that the form makes. */
let key = newKey();

/** Asks; Escape and the first button mean no. @param {string} verb @param {string} text */
export function ask(verb, text) {
	setText("question-title", `${verb} this worker for good?`);
	setText("question-text", text);
	setText("question-yes", `${verb} worker`);
	question.returnValue = "";
	question.showModal();
	return new Promise((resolve) => {
		question.onclose = () => resolve(question.returnValue === "yes");
	});
}

on("new-worker", "click", openForm);
on("new-close", "click", () => form.close());
on("new-runtime", "change", showChoices);
on("new-profile", "change", describeProfile);
on("new-dialog", "submit", create);

function openForm() {
	if (creating.length === 0) return notify("No runtime can make workers now.");
	key = newKey();
	byId("new-name").value = "";
	setOptions("new-runtime", creating.map(({ runtime_id, display_name }) => [runtime_id, display_name]));
	byId("runtime-row").hidden = creating.length < 2;
	setText("new-trouble", "");
	showChoices();
	form.showModal();
}

const chosen = () => creating.find((runtime) => runtime.runtime_id === byId("new-runtime").value);

function showChoices() {
	const { profiles = [], models = [] } = chosen() ?? {};
	setOptions("new-profile", profiles.map(({ profile_id }) => [profile_id, profile_id]));
	setOptions("new-model", [{ name: "" }, ...models].map(({ name }) => [name, name || "As the profile says"]));
	describeProfile();
}

/** @param {ElementId} id @param {Array<[value: string, text: string]>} options */
function setOptions(id, options) {
	byId(id).replaceChildren(...options.map(([value, text]) => make("option", { value }, text)));
}

function describeProfile() {
	const profile = chosen()?.profiles.find(({ profile_id }) => profile_id === byId("new-profile").value);
	setText("profile-note", profile?.description ?? "");
}

async function create() {
	const body = {
		display_name: byId("new-name").value.trim() || null,
		profile: byId("new-profile").value || null,
		model: byId("new-model").value || null,
	};
	const sent = key;
	// The form may have been closed by the answer, or opened for another worker.
	const isOpen = () => form.open && key === sent;
	try {
		const path = { runtime_id: byId("new-runtime").value };
		const { data: worker } = await call("post", "runtimes/{runtime_id}/workers", { path, body, headers: key });
		if (isOpen()) {
			form.close();
			location.hash = keyOf(worker);
		}
	} catch (error) {
		if (!(error instanceof ApiError) || error.status === 401 || !isOpen()) throw error;
		setText("new-trouble", wordsFor(error));
		// What is sent next is another worker.
		if (error.status > 0 && error.status < 500) key = newKey();
	} finally {
		list.again();
	}
}
