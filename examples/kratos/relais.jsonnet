// The body of POST /api/messages for each code that Kratos sends to a phone. What holds no code is not sent.
function(ctx)
  local data = ctx.template_data;
  local code =
    if 'login_code' in data then data.login_code
    else if 'registration_code' in data then data.registration_code
    else if 'verification_code' in data then data.verification_code
    else if 'recovery_code' in data then data.recovery_code
    else error 'cancel';
  {
    type: 'otp',
    to: ctx.recipient,
    code: code,
    reference: ctx.template_type,
  }
