/* Renders text from models and documents as Markdown: no HTML, no images, links only to http, https and mailto. */

import MarkdownIt from "../vendor/markdown-it/markdown-it.esm.min.mjs";

const SAFE_LINK = /^(https?:\/\/|mailto:)/i;

const markdown = new MarkdownIt({ html: false, linkify: true, breaks: false, typographer: false });
markdown.disable("image");
markdown.validateLink = (url) => SAFE_LINK.test(url.trim());
const renderLink =
  markdown.renderer.rules.link_open ?? ((tokens, at, options, env, self) => self.renderToken(tokens, at, options));
markdown.renderer.rules.link_open = (tokens, at, options, env, self) => {
  tokens[at].attrSet("rel", "noopener noreferrer nofollow");
  tokens[at].attrSet("target", "_blank");
  return renderLink(tokens, at, options, env, self);
};
// Column alignment of tables comes as a style attribute, which the policy of the page forbids.
for (const rule of ["th_open", "td_open"]) {
  markdown.renderer.rules[rule] = (tokens, at, options, env, self) => {
    const align = /text-align:\s*(\w+)/.exec(tokens[at].attrGet("style") ?? "")?.[1];
    tokens[at].attrs = align ? [["align", align]] : null;
    return self.renderToken(tokens, at, options);
  };
}

/** Show `text` in `element` as Markdown. Safe for any text: what looks like HTML stays text. */
export function renderMarkdown(element, text) {
  element.classList.add("prose");
  element.innerHTML = markdown.render(text ?? "");
}

/** Every [data-markdown] element shows its own text as Markdown. */
export function startMarkdown(root = document) {
  for (const element of root.querySelectorAll("[data-markdown]")) {
    const text = element.textContent;
    element.removeAttribute("data-markdown");
    renderMarkdown(element, text);
  }
}
