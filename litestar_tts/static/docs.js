// Starts Swagger UI on the document that the page names. External, so that the page needs no inline script.
const place = document.getElementById("swagger");
SwaggerUIBundle({
  url: place.dataset.document,
  domNode: place,
  deepLinking: true,
  displayRequestDuration: true,
  tryItOutEnabled: true,
  validatorUrl: null,
});
