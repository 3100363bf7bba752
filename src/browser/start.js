"use strict";
// Leaves the nonce for the landing page and goes on to the cluster. The storage belongs to this
// tab and this origin, port included, and outlives the visit to other sites.
const page = document.documentElement;
const { cluster, key, next, nonce } = page.dataset;
delete page.dataset.nonce;

try {
  sessionStorage.setItem(key, nonce);
  location.replace(next);
} catch {
  document.addEventListener("DOMContentLoaded", refuse);
}

function refuse() {
  page.dataset.state = "failed";
  document.title = `The login to ${cluster} cannot begin`;
  document.querySelector("h1").textContent = document.title;
  document.querySelector("#lines").textContent =
    "This browser keeps no site data for this address. Allow it, then begin the login again.";
}
