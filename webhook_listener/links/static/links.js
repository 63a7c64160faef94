"use strict";

// A second press would ask for a second use of a link that has only one.
const form = document.querySelector("form[data-once]");
if (form) {
  const button = form.querySelector("button");
  form.addEventListener("submit", (event) => {
    if (button.getAttribute("aria-disabled") === "true") {
      event.preventDefault();
    }
    button.setAttribute("aria-disabled", "true");
  });
  addEventListener("pageshow", () => button.removeAttribute("aria-disabled"));
}

const news = document.querySelector("#news");
if (news && news.dataset.state !== "changed") {
  const began = Date.now();
  const waited = () => Math.round((Date.now() - began) / 1000);

  const show = (answer) => {
    if (answer.state === news.dataset.state) {
      return;
    }
    news.dataset.state = answer.state;
    const paragraphs = [answer.heading, ...answer.sentences].map((text) => {
      const paragraph = document.createElement("p");
      paragraph.textContent = text;
      return paragraph;
    });
    paragraphs[0].className = "headline";
    news.replaceChildren(...paragraphs);
  };

  const look = async () => {
    try {
      const response = await fetch(`${news.dataset.status}?waited=${waited()}`);
      if (response.ok) {
        show(await response.json());
      }
    } catch {
      // The next look may succeed.
    }
    if (news.dataset.state !== "changed" && waited() < 900) {
      setTimeout(look, waited() < 60 ? 2000 : 10000);
    }
  };
  setTimeout(look, 1000);
}
