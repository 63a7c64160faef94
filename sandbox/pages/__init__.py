"""The hosted pages that customers meet: the portal, checkout and invoices.

Plain HTML forms without scripts. These names are stable, for tests and screen readers:

* Portal home: headings "Current plan", "Payment method", "Billing information", "Invoice history";
  buttons "Update plan", "Cancel plan", "Don't cancel plan", "Pause plan", "Resume plan",
  "Add payment method" or "Update payment method", "Update information"; link "Return to <business>".
* Cancel: button "Cancel plan", link "Go back"; then the survey: radio buttons named as in
  `FEEDBACK_WORDS`, text box "Anything you want to share? (Optional)", buttons "Submit feedback" and
  "No thanks". With a retention coupon: button "Accept offer".
* Switch: radio buttons such as "Pro, $49.00 per month", number box "Quantity", button "Continue";
  then button "Confirm".
* Card: radio buttons named as in `sandbox.cards.TEST_CARDS`, button "Save card".
* Details: text boxes "Name", "Email", "Phone", button "Save".
* Pause: button "Pause plan".
* Checkout: text boxes "Email" and "Name on card", radio buttons for the card, button "Subscribe",
  link "Back to <business>".
* Invoice: heading "Invoice <number>", button "Pay invoice" while it is open.
"""
