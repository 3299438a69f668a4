// Questions, and the form for a new worker.

import { ApiError, call, newKey } from "./api.js";
import { byId, elementOf, input, select, setOptions, setText } from "./dom.js";
import { notify, on } from "./notices.js";
import { creating } from "./runtimes.js";
import { wordsFor } from "./words.js";
import { keyOf, refresh } from "./worker-list.js";

const question = elementOf("question", HTMLDialogElement);
const form = elementOf("new-dialog", HTMLDialogElement);
/** Of the worker that the form makes. */
let key = newKey();

/** Asks; Escape and the first button mean no. @param {string} title @param {string} text @param {string} yes */
export function ask(title, text, yes) {
	setText("question-title", title);
	setText("question-text", text);
	setText("question-yes", yes);
	question.returnValue = "";
	question.showModal();
	return new Promise((resolve) => {
		question.addEventListener("close", () => resolve(question.returnValue === "yes"), { once: true });
	});
}

export function listen() {
	on("question-yes", "click", () => question.close("yes"));
	on("question-no", "click", () => question.close());
	on("new-worker", "click", openForm);
	on("new-close", "click", () => form.close());
	on("new-runtime", "change", showChoices);
	on("new-profile", "change", describeProfile);
	on("new-dialog", "submit", create);
}

function openForm() {
	if (creating().length === 0) return notify("No runtime can make workers now.");
	key = newKey();
	input("new-name").value = "";
	setOptions("new-runtime", creating().map(({ runtime_id, display_name }) => [runtime_id, display_name]));
	byId("runtime-row").hidden = creating().length < 2;
	setText("new-trouble", "");
	showChoices();
	form.showModal();
}

const chosen = () => creating().find((runtime) => runtime.runtime_id === select("new-runtime").value);

function showChoices() {
	const { profiles = [], models = [] } = chosen() ?? {};
	setOptions("new-profile", profiles.map(({ profile_id }) => [profile_id, profile_id]));
	setOptions("new-model", [{ name: "" }, ...models].map(({ name }) => [name, name || "As the profile says"]));
	describeProfile();
}

function describeProfile() {
	const profile = chosen()?.profiles.find(({ profile_id }) => profile_id === select("new-profile").value);
	setText("profile-note", profile?.description ?? "");
}

async function create() {
	const body = {
		display_name: input("new-name").value.trim() || null,
		profile: select("new-profile").value || null,
		model: select("new-model").value || null,
	};
	try {
		const path = { runtime_id: select("new-runtime").value };
		const { data: worker } = await call("post", "runtimes/{runtime_id}/workers", { path, body, headers: key });
		form.close();
		location.hash = keyOf(worker);
		refresh();
	} catch (error) {
		if (!(error instanceof ApiError) || error.status === 401) throw error;
		// Nothing was made: what is sent next may be something else.
		if (error.status > 0 && error.status < 500) key = newKey();
		setText("new-trouble", wordsFor(error));
	}
}
