// Elements. Text is set as text, never as markup.

/**
 * The element of the document with this id, which is of this kind.
 * @template {HTMLElement} T @param {string} id @param {new () => T} kind
 */
export function elementOf(id, kind) {
	const found = document.getElementById(id);
	if (!(found instanceof kind)) throw new Error(`no such element: ${id}`);
	return found;
}

/** @param {string} id */
export const byId = (id) => elementOf(id, HTMLElement);
/** @param {string} id */
export const input = (id) => elementOf(id, HTMLInputElement);
/** @param {string} id */
export const select = (id) => elementOf(id, HTMLSelectElement);

/**
 * A new element.
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K} tag @param {Record<string, string>} [attributes] @param {...(Node | string)} children
 */
export function make(tag, attributes = {}, ...children) {
	const element = document.createElement(tag);
	for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
	element.append(...children);
	return element;
}

/** @param {string} text @param {() => void} act @param {string} [label] its accessible name */
export function makeButton(text, act, label = text) {
	const button = make("button", { type: "button", "aria-label": label }, text);
	button.addEventListener("click", act);
	return button;
}

/** The same text keeps selection and focus. @param {string} id @param {string} text */
export function setText(id, text) {
	const element = byId(id);
	if (element.textContent !== text) element.textContent = text;
}

/** Fills a menu. @param {string} id @param {Array<[value: string, text: string]>} options */
export function setOptions(id, options) {
	byId(id).replaceChildren(...options.map(([value, text]) => make("option", { value }, text)));
}
