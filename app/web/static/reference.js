// Starts Swagger UI on the page of the API reference.

const place = document.getElementById("reference");

window.SwaggerUIBundle({
  domNode: place,
  url: place.dataset.description,
  deepLinking: true,
  // What is answered or asked for here is shown to nobody else: no badge of an outside validator.
  validatorUrl: null,
});
