"""What `openapi.json` says in words: of each operation, parameter, object and member."""

from __future__ import annotations

ABOUT = """\
The FinSecure payments API. Resources have URLs, bodies are JSON objects with snake_case names, and amounts are
integers in the smallest unit of the currency: `2000` is $20.00, and ¥2000.

**A payment** is a PaymentIntent. Create it with an amount, then confirm it with a payment method. It ends as
`succeeded`, or goes on as `processing` (bank payments) or `requires_action` (3D Secure: send the customer to
`next_action`).
A decline answers 402 and puts the PaymentIntent back to `requires_payment_method`.

**Retries** are safe where each POST has an `Idempotency-Key`: the first answer under a key is kept for 24 hours and
sent again, with `Idempotent-Replayed: true`. The same key with another path or body is refused (`idempotency_error`).

**Enumerations are open**: an answer may hold values that are not listed here. So may objects hold members.
"""

TAGS = {
    "payment_intent": "Payments: create one, confirm it with a payment method, follow how it ends.",
    "payment_method": "Cards and bank accounts, kept without their numbers.",
    "customer": "Those who pay, with their saved payment methods.",
    "refund": "Money given back, all of it or a part.",
    "charge": "The attempts to take the money of a PaymentIntent.",
    "event": "What happened in your account. The same objects are sent to webhook endpoints.",
    "webhook_endpoint": "The URLs that events are sent to.",
}

SECURITY = {
    "secretKey": "The secret key (`sk_test_...`, `sk_live_...`), for every operation. Keep it on your server.",
    "publishableKey": (
        "The publishable key (`pk_test_...`, `pk_live_...`). It may create payment methods, and nothing else."
    ),
}

OPERATIONS: dict[str, tuple[str, str]] = {
    "payment_intents.create": (
        "Create a PaymentIntent",
        "Starts to collect a payment. Nothing is taken before it is confirmed.",
    ),
    "payment_intents.retrieve": ("Retrieve a PaymentIntent", "Looks up one payment."),
    "payment_intents.update": (
        "Update a PaymentIntent",
        (
            "Changes the members that are given. Everything can change while the status is "
            "`requires_payment_method`, nothing while it is `requires_action`, and only `description` and "
            "`metadata` afterwards. `null` clears a member."
        ),
    ),
    "payment_intents.list": ("List PaymentIntents", "Lists payments, newest first."),
    "payment_intents.confirm": (
        "Confirm a PaymentIntent",
        (
            "Attempts the payment with a payment method. The answer has the attempts so far in `charges`. A "
            "decline answers 402."
        ),
    ),
    "payment_intents.cancel": (
        "Cancel a PaymentIntent",
        "Gives a payment up, unless it is `processing`, succeeded or was canceled before.",
    ),
    "payment_methods.create": (
        "Create a PaymentMethod",
        (
            "Keeps a card or a bank account. The one operation that a publishable key may call, so that numbers "
            "need not pass through your server. Give `card` or `us_bank_account`, as `type` says."
        ),
    ),
    "payment_methods.retrieve": ("Retrieve a PaymentMethod", "Looks up one payment method."),
    "payment_methods.update": (
        "Update a PaymentMethod",
        "Changes the members that are given, also inside `billing_details` and `address`. `null` clears a member.",
    ),
    "payment_methods.list": ("List PaymentMethods", "Lists payment methods, newest first."),
    "payment_methods.attach": (
        "Attach a PaymentMethod",
        "Saves a payment method for a customer, for their payments alone.",
    ),
    "payment_methods.detach": ("Detach a PaymentMethod", "Takes a saved payment method away from its customer."),
    "customers.create": ("Create a Customer", "Remembers someone who pays. A default payment method is attached."),
    "customers.retrieve": ("Retrieve a Customer", "Looks up one customer. The id of a deleted one answers 404."),
    "customers.update": (
        "Update a Customer",
        "Changes the members that are given, also inside `invoice_settings`. `null` clears a member.",
    ),
    "customers.delete": ("Delete a Customer", "Deletes a customer for good, and detaches their payment methods."),
    "customers.list": ("List Customers", "Lists customers, newest first."),
    "refunds.create": (
        "Create a Refund",
        "Gives back what a PaymentIntent received, or a part of it. Never more than was paid.",
    ),
    "refunds.retrieve": ("Retrieve a Refund", "Looks up one refund. One that is `pending` can still fail."),
    "refunds.update": ("Update a Refund", "Replaces the metadata of a refund."),
    "refunds.list": ("List Refunds", "Lists refunds, newest first."),
    "charges.retrieve": ("Retrieve a Charge", "Looks up one attempt to take a payment."),
    "charges.list": ("List Charges", "Lists attempts to take payments, newest first, failed ones included."),
    "events.retrieve": ("Retrieve an Event", "Looks up one event."),
    "events.list": ("List Events", "Lists events, newest first."),
    "webhook_endpoints.create": (
        "Create a WebhookEndpoint",
        "Has events sent to a URL. This answer alone carries the signing `secret`.",
    ),
    "webhook_endpoints.retrieve": ("Retrieve a WebhookEndpoint", "Looks up one endpoint, without its `secret`."),
    "webhook_endpoints.update": ("Update a WebhookEndpoint", "Changes the members that are given."),
    "webhook_endpoints.delete": ("Delete a WebhookEndpoint", "Stops sending events to an endpoint, for good."),
    "webhook_endpoints.list": ("List WebhookEndpoints", "Lists endpoints, newest first."),
}
"""The summary and the description of each operation."""

PARAMETERS: dict[str, str] = {
    "id": "The id of the object.",
    "limit": "Objects a page.",
    "starting_after": "The id of the object after which the page begins. Not together with `ending_before`.",
    "ending_before": "The id of the object before which the page ends. Not together with `starting_after`.",
    "created[gte]": "Only objects created then or later: Unix seconds or ISO 8601.",
    "created[gt]": "Only objects created later: Unix seconds or ISO 8601.",
    "created[lte]": "Only objects created then or earlier: Unix seconds or ISO 8601.",
    "created[lt]": "Only objects created earlier: Unix seconds or ISO 8601.",
    "amount": "The amount, in the smallest unit of the currency: `2000` is $20.00.",
    "currency": "The currency: a three-letter ISO 4217 code, in lower case.",
    "metadata": "Strings by name, for your own use. An update replaces them all.",
    "description": "A description, for your own records.",
    "receipt_email": "Where the receipt goes.",
    "payment_intents.payment_method_types": 'The types of payment method that you accept. Default: `["card"]`.',
    "payment_intents.customer": "The id of the customer (`cus_...`) whose saved payment methods may pay.",
    "payment_intents.setup_future_usage": (
        "Save the payment method for the customer once the payment succeeds: for payments with the customer "
        "there (`on_session`) or without (`off_session`)."
    ),
    "payment_intents.payment_method": (
        "The id of a payment method (`pm_...`), or one written out as for Create a PaymentMethod."
    ),
    "payment_intents.return_url": (
        "Where the customer comes back to. Required for payment methods that ask the customer to "
        "authenticate, such as cards with 3D Secure."
    ),
    "payment_intents.confirm.receipt_email": "Where the receipt goes, in place of the PaymentIntent's own.",
    "payment_methods.type": "The kind of payment method.",
    "payment_methods.list.type": "Only payment methods of this type, such as `card`.",
    "payment_methods.list.customer": "Only payment methods of this customer (`cus_...`).",
    "payment_methods.card": "The card, where `type` is `card`.",
    "payment_methods.us_bank_account": "The bank account, where `type` is `us_bank_account`.",
    "payment_methods.billing_details": "Whom the payment method belongs to.",
    "payment_methods.customer": "The id of the customer (`cus_...`).",
    "customers.email": "The customer's email address.",
    "customers.list.email": "Only customers with this email address.",
    "customers.name": "The customer's full name.",
    "customers.phone": "The customer's phone number.",
    "customers.description": "A description of the customer.",
    "customers.payment_method": "The id of the default payment method (`pm_...`). It is attached to the customer.",
    "customers.invoice_settings": "How the customer's invoices are made out and paid.",
    "refunds.payment_intent": "The id of a PaymentIntent that succeeded (`pi_...`).",
    "refunds.list.payment_intent": "Only refunds of this PaymentIntent (`pi_...`).",
    "refunds.amount": "How much to give back, in the smallest unit of the currency. Default: all that is left.",
    "refunds.reason": "Why, such as `requested_by_customer`.",
    "charges.payment_intent": "Only charges of this PaymentIntent (`pi_...`).",
    "charges.customer": "Only charges to this customer (`cus_...`).",
    "events.type": "Only events of this type, such as `payment_intent.succeeded`.",
    "webhook_endpoints.url": (
        "Where events are sent. HTTPS; the sandbox also takes plain HTTP on the machine that it runs on."
    ),
    "webhook_endpoints.enabled_events": "The types of event to send; `*` for all.",
}
"""By name, or by resource and name, or by operation and name: the most particular one counts."""

HEADERS = {
    "Idempotency-Key": (
        "Names this one request and its retries: the first answer under a key is kept for 24 hours and sent "
        "again. Best a random UUID, or something that names the one payment, such as your order's id."
    ),
    "FinSecure-Version": "The version of the API.",
    "Request-Id": "Names this request. Quote it when you ask for support.",
    "Idempotent-Replayed": (
        "`true` where this is the answer that an earlier request under the same `Idempotency-Key` got."
    ),
    "Retry-After": "Seconds to wait before the request is tried again; it may also be an HTTP date.",
    "FinSecure-Signature": (
        "`sha256=` and the HMAC-SHA256 of the raw body, in hexadecimal, with the endpoint's secret as the "
        "key. While a secret is rotated there are several, separated by commas: one match is enough."
    ),
}

SCHEMAS: dict[str, str] = {
    "Timestamp": "A moment: Unix seconds, or ISO 8601.",
    "Currency": "A three-letter ISO 4217 code, in lower case.",
    "Metadata": "Strings by name, for your own use.",
    "AddressParams": "A postal address.",
    "BillingDetailsParams": "Whom a payment method belongs to.",
    "CardParams": "A card, written out. The sandbox accepts its documented test cards alone.",
    "BankAccountParams": "A US bank account, written out.",
    "InvoiceSettingsParams": "How a customer's invoices are made out and paid.",
    "EventType": "A type of event.",
    "PaymentIntent": "One payment, and how far it has got.",
    "PaymentError": "Why the last attempt to pay failed.",
    "NextAction": "What the customer has to do before the payment can go on.",
    "RedirectToUrl": "Where to send the customer.",
    "Charge": "One attempt to take the money of a PaymentIntent.",
    "ChargeList": "The charges of a payment, newest first.",
    "PaymentMethod": "A way to pay: a card or a bank account, without its number.",
    "Card": "A card, without its number.",
    "CardChecks": (
        "What the bank said about the details: `pass`, `fail`, `unavailable` or `unchecked`; `null` where not given."
    ),
    "CardNetworks": "The networks that a card can be charged on.",
    "ThreeDSecureUsage": "Whether a card can be authenticated with 3D Secure.",
    "BankAccount": "A US bank account, without its number.",
    "BillingDetails": "Whom a payment method belongs to.",
    "Address": "A postal address.",
    "Customer": "Someone who pays.",
    "InvoiceSettings": "How a customer's invoices are made out and paid.",
    "Refund": "Money given back.",
    "Invoice": "An invoice of a subscription. It occurs in events alone.",
    "Subscription": "A subscription of a customer. It occurs in events alone.",
    "Event": "Something that happened in your account. There may be types that are not listed here.",
    "EventRequest": "The API request that caused an event; its members are `null` where none did.",
    "EventData": "What an event is about.",
    "WebhookEndpoint": "A URL that events are sent to.",
    "Error": "The answer to a request that was refused or failed.",
    "ErrorDetails": "What went wrong. Decide by `type`, then by `decline_code` and `code`; `message` is for people.",
    "ErrorPaymentIntent": "The PaymentIntent that was declined, in part.",
    "DeletedCustomer": "A customer that was deleted.",
    "DeletedWebhookEndpoint": "A webhook endpoint that was deleted.",
}

MEMBERS: dict[str, str] = {
    "id": "The id.",
    "object": "The kind of object.",
    "created": "When it was created.",
    "livemode": "Whether this is live mode, where real money moves.",
    "metadata": "Strings by name, for your own use.",
    "amount": "The amount, in the smallest unit of the currency.",
    "currency": "The currency: a three-letter ISO 4217 code, in lower case.",
    "customer": "The id of the customer (`cus_...`).",
    "description": "A description, for your own records.",
    "payment_intent": "The id of the PaymentIntent (`pi_...`).",
    "payment_method": "The id of the payment method (`pm_...`).",
    "receipt_email": "Where the receipt goes.",
    "deleted": "Always true.",
    "url": "The path of the list.",
    "data": "The objects, newest first.",
    "has_more": "Whether there are more objects beyond this page.",
    "PaymentIntent.amount_received": "What has been paid, in the smallest unit of the currency.",
    "PaymentIntent.status": "How far the payment has got.",
    "PaymentIntent.charges": "The attempts to take the money, in the answer to Confirm a PaymentIntent alone.",
    "PaymentIntent.client_secret": "Lets a browser or an app go on with this one payment. Never log it.",
    "PaymentIntent.last_payment_error": "Why the last attempt failed.",
    "PaymentIntent.next_action": "What the customer has to do, while the status is `requires_action`.",
    "PaymentIntent.payment_method": "The id of the payment method (`pm_...`) that it was confirmed with.",
    "PaymentIntent.payment_method_types": "The types of payment method that are accepted.",
    "PaymentIntent.setup_future_usage": "Whether the payment method is saved for later payments.",
    "PaymentIntent.shipping": "Where the goods are sent.",
    "PaymentIntent.statement_descriptor": "What the customer's statement shows.",
    "PaymentIntent.statement_descriptor_suffix": "What the customer's statement shows after the account's own name.",
    "PaymentIntent.transfer_data": "Where the money is transferred to.",
    "PaymentIntent.transfer_group": "The group of transfers that the payment belongs to.",
    "PaymentError.type": "The kind of error.",
    "PaymentError.code": "What went wrong, such as `card_declined`.",
    "PaymentError.decline_code": "Why the bank declined, such as `insufficient_funds`.",
    "PaymentError.message": "The same for people.",
    "PaymentError.param": "The parameter that is to blame.",
    "PaymentError.doc_url": "A page about this error.",
    "NextAction.type": "The kind of action.",
    "NextAction.redirect_to_url": "Where to send the customer.",
    "RedirectToUrl.url": "The page on which the customer authenticates.",
    "RedirectToUrl.return_url": "Where the customer comes back to.",
    "Charge.amount_refunded": "What was given back, in the smallest unit of the currency.",
    "Charge.failure_code": "Why the attempt failed.",
    "Charge.failure_message": "Why the attempt failed, for people.",
    "Charge.paid": "Whether the money was taken.",
    "Charge.refunded": "Whether all of it was given back.",
    "Charge.status": "How the attempt went.",
    "PaymentMethod.type": "The kind of payment method. The member of the same name has the details.",
    "PaymentMethod.card": "The card, where the type is `card`.",
    "PaymentMethod.us_bank_account": "The bank account, where the type is `us_bank_account`.",
    "PaymentMethod.billing_details": "Whom it belongs to.",
    "PaymentMethod.customer": "The id of the customer (`cus_...`) whom it is saved for.",
    "Card.brand": "The brand, such as `visa`.",
    "Card.checks": "What the bank said about the details.",
    "Card.country": "The country of the bank: a two-letter ISO 3166 code.",
    "exp_month": "The month of its expiry.",
    "exp_year": "The year of its expiry, with four digits.",
    "fingerprint": "The same for the same number.",
    "last4": "The last four digits of the number.",
    "Card.funding": "`credit`, `debit`, `prepaid` or `unknown`.",
    "Card.networks": "The networks that it can be charged on.",
    "Card.three_d_secure_usage": "Whether it can be authenticated with 3D Secure.",
    "Card.wallet": "The wallet that it came from.",
    "CardChecks.address_line1_check": "The check of the first line of the address.",
    "CardChecks.address_postal_code_check": "The check of the postal code.",
    "CardChecks.cvc_check": "The check of the CVC.",
    "CardNetworks.available": "Those that it can be charged on, such as `visa`.",
    "CardNetworks.preferred": "The one that the customer prefers.",
    "ThreeDSecureUsage.supported": "Whether it can.",
    "account_holder_type": "Whose account it is.",
    "account_type": "The kind of account.",
    "routing_number": "The routing number, 9 digits.",
    "BankAccount.bank_name": "The name of the bank.",
    "BillingDetails.address": "The postal address.",
    "BillingDetailsParams.address": "The postal address.",
    "email": "The email address.",
    "name": "The full name.",
    "phone": "The phone number.",
    "city": "The city.",
    "country": "The country: a two-letter ISO 3166 code.",
    "line1": "The first line: street and number.",
    "line2": "The second line: apartment, suite or floor.",
    "postal_code": "The postal code.",
    "state": "The state, province or region.",
    "CardParams.number": "The number, digits alone. It is never stored.",
    "CardParams.cvc": "The security code. It is never stored.",
    "BankAccountParams.account_number": "The number of the account, digits alone. It is never stored.",
    "Customer.default_source": "Always `null`: payment methods took the place of sources.",
    "Customer.invoice_prefix": "What the numbers of the customer's invoices begin with.",
    "Customer.invoice_settings": "How invoices are made out; the default payment method is there.",
    "Customer.preferred_locales": "The customer's languages, the preferred one first.",
    "Customer.shipping": "Where goods are sent.",
    "Customer.tax_exempt": "Whether the customer pays taxes, such as `none`.",
    "custom_fields": "What else is printed on invoices: names and values.",
    "default_payment_method": "The id of the payment method (`pm_...`) that is charged by default.",
    "footer": "The text at the foot of invoices.",
    "Refund.charge": "The id of the charge (`ch_...`) that it was taken from.",
    "Refund.reason": "Why it was given back.",
    "Refund.status": "How far the refund has got. One that is `pending` can still fail.",
    "Invoice.amount_due": "What is to be paid, in the smallest unit of the currency.",
    "Invoice.amount_paid": "What was paid.",
    "Invoice.amount_remaining": "What is still to be paid.",
    "Invoice.attempt_count": "How often the payment was tried.",
    "Invoice.billing_reason": "Why the invoice was made, such as `subscription_cycle`.",
    "Invoice.number": "The number that the customer sees.",
    "Invoice.period_end": "When the time ends that is paid for.",
    "Invoice.period_start": "When the time begins that is paid for.",
    "Invoice.status": "How far the invoice has got, such as `open` or `paid`.",
    "Invoice.subscription": "The id of the subscription (`sub_...`).",
    "Subscription.cancel_at_period_end": "Whether it ends with the current period.",
    "Subscription.canceled_at": "When it was canceled.",
    "Subscription.current_period_end": "When the current period ends.",
    "Subscription.current_period_start": "When the current period began.",
    "Subscription.latest_invoice": "The id of the latest invoice (`in_...`).",
    "Subscription.status": "How it stands, such as `active`.",
    "Event.type": "What happened.",
    "Event.data": "What it happened to.",
    "Event.api_version": "The version of the API that `data.object` is written in.",
    "Event.pending_webhooks": "Deliveries to webhook endpoints that have not succeeded yet.",
    "Event.request": "The API request that caused it.",
    "EventData.object": "The object as it was then. Members can be missing.",
    "EventData.previous_attributes": "What an update changed, with the values from before.",
    "EventRequest.id": "The id of the request (`req_...`).",
    "EventRequest.idempotency_key": "The `Idempotency-Key` of the request.",
    "WebhookEndpoint.enabled_events": "The types of event that are sent; `*` for all.",
    "WebhookEndpoint.secret": "The signing secret, in the answer to Create a WebhookEndpoint alone. Never log it.",
    "WebhookEndpoint.status": "`enabled` or `disabled`.",
    "WebhookEndpoint.url": "Where events are sent.",
    "Error.error": "What went wrong.",
    "ErrorDetails.type": "The kind of error.",
    "ErrorDetails.code": "What went wrong, such as `resource_missing`, `unexpected_state` or `card_declined`.",
    "ErrorDetails.decline_code": "Why the bank declined, such as `insufficient_funds`.",
    "ErrorDetails.message": "The same for people.",
    "ErrorDetails.param": "The parameter that is to blame, with dots for members: `card.number`.",
    "ErrorDetails.doc_url": "A page about this error.",
    "ErrorDetails.payment_intent": "The PaymentIntent that was declined, in part.",
    "ErrorPaymentIntent.status": "How far the payment has got.",
}
"""By member, or by schema and member: the more particular one counts."""

REFUSALS: dict[str, str] = {
    "400": (
        "A parameter is wrong or missing (`param` names it), the state of the object does not allow this "
        "(`code`: `unexpected_state`), or the `Idempotency-Key` was used for another request (`type`: "
        "`idempotency_error`)."
    ),
    "401": "There is no API key, or it is not valid.",
    "402": "The payment was declined. The PaymentIntent waits for another payment method.",
    "403": "This API key may not do this.",
    "404": "There is no such object (`code`: `resource_missing`).",
    "409": (
        "A request with the same `Idempotency-Key` is under way (`code`: `idempotency_key_in_use`). Try again "
        "in a moment."
    ),
    "415": "The body was not sent as `application/json`.",
    "429": "Too many requests. Wait as long as `Retry-After` says.",
    "5XX": "The server failed. Try again, a POST under the same `Idempotency-Key`.",
}
"""What each status means."""
