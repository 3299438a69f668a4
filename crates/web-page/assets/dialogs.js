// Questions before what can't be undone, and the form for a new worker.

import { ApiError, createWorker, idempotencyKey } from "./api.js";
import { button, byId, elementOf, input, select, setOptions, setText } from "./dom.js";
import { notify } from "./notices.js";
import { creating } from "./runtimes.js";
import { wordsFor } from "./words.js";
import { keyOf, refresh } from "./worker-list.js";

const question = elementOf("question", HTMLDialogElement);
const form = elementOf("new-dialog", HTMLDialogElement);

/**
 * Asks; Escape and the first button mean no.
 * @param {string} title @param {string} text @param {string} yes
 * @returns {Promise<boolean>}
 */
export function ask(title, text, yes) {
	setText(byId("question-title"), title);
	setText(byId("question-text"), text);
	setText(byId("question-yes"), yes);
	question.returnValue = "";
	question.showModal();
	button("question-no").focus();
	return new Promise((resolve) => {
		question.addEventListener("close", () => resolve(question.returnValue === "yes"), { once: true });
	});
}

export function listen() {
	button("question-yes").addEventListener("click", () => question.close("yes"));
	button("question-no").addEventListener("click", () => question.close());
	button("new-worker").addEventListener("click", openForm);
	form.querySelector("[data-close]")?.addEventListener("click", () => form.close());
	select("new-runtime").addEventListener("change", showChoices);
	select("new-profile").addEventListener("change", describeProfile);
	form.addEventListener("submit", (event) => {
		event.preventDefault();
		void create();
	});
}

let key = "";

function openForm() {
	const runtimes = creating();
	if (runtimes.length === 0) return notify("No runtime can make workers at the moment.");
	key = idempotencyKey();
	input("new-worker-name").value = "";
	setOptions(select("new-runtime"), runtimes.map((runtime) => [runtime.runtime_id, runtime.display_name]));
	byId("new-runtime-row").hidden = runtimes.length < 2;
	trouble("");
	showChoices();
	form.showModal();
}

const chosen = () => creating().find((runtime) => runtime.runtime_id === select("new-runtime").value);

function showChoices() {
	const runtime = chosen();
	setOptions(select("new-profile"), (runtime?.profiles ?? []).map(({ profile_id }) => [profile_id, profile_id]));
	setOptions(select("new-model"), [["", "As the profile says"], ...(runtime?.models ?? []).map(
		({ name }) => /** @type {[string, string]} */ ([name, name]))]);
	describeProfile();
}

function describeProfile() {
	const profile = chosen()?.profiles.find(({ profile_id }) => profile_id === select("new-profile").value);
	setText(byId("profile-note"), profile?.description ?? "");
}

/** @param {string} text */
function trouble(text) {
	byId("new-trouble").hidden = !text;
	setText(byId("new-trouble"), text);
}

async function create() {
	/** @param {string} text */
	const given = (text) => text.trim() || undefined;
	const body = {
		display_name: given(input("new-worker-name").value),
		profile: given(select("new-profile").value),
		model: given(select("new-model").value),
	};
	try {
		const worker = await createWorker(select("new-runtime").value, body, key);
		form.close();
		location.hash = keyOf(worker);
		refresh();
	} catch (error) {
		// Refused, so nothing was made: what is sent next may be something else.
		if (error instanceof ApiError && error.status < 500) key = idempotencyKey();
		trouble(wordsFor(error));
	}
}
