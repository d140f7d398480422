namespace Lorikeet.Server;

/// <summary>A refusal with its place in the table of statuses: what the client reads.</summary>
internal sealed class ApiException : Exception
{
    public ApiException()
        : this(500, ErrorTypes.Server, null, null, "the server failed")
    {
    }

    public ApiException(string message)
        : this(500, ErrorTypes.Server, null, null, message)
    {
    }

    public ApiException(string message, Exception innerException)
        : base(message, innerException)
    {
        Status = 500;
        Type = ErrorTypes.Server;
    }

    public ApiException(int status, string type, string? code, string? param, string message)
        : base(message)
    {
        Status = status;
        Type = type;
        Code = code;
        Param = param;
    }

    public int Status { get; }

    public string Type { get; }

    public string? Code { get; }

    public string? Param { get; }

    /// <summary>vLLM's name of the error where it is not the status's.</summary>
    public string? VllmType { get; init; }

    /// <summary>False: repeating is useless, which <c>x-should-retry</c> says.</summary>
    public bool Repeatable { get; init; } = true;

    /// <summary>Seconds until a repetition may do better; with 429 and 503.</summary>
    public double RetrySeconds { get; init; } = 1;

    /// <summary>The same refusal with another place.</summary>
    public ApiException At(string? param) => new(Status, Type, Code, param, Message) { VllmType = VllmType, Repeatable = Repeatable, RetrySeconds = RetrySeconds };

    public static ApiException Bad(string? param, string code, string message) => new(400, ErrorTypes.Request, code, param, message);

    public static ApiException Value(string? param, string message) => Bad(param, "invalid_value", message);

    public static ApiException Kind(string? param, string message) => Bad(param, "invalid_type", message);

    public static ApiException Missing(string param, string message) => Bad(param, "missing_required_parameter", message);

    public static ApiException Unsupported(string? param, string message) => Bad(param, "unsupported_operation", message);

    public static ApiException Limit(string? param, long found, long limit, string what) =>
        Bad(param, "limit_exceeded", $"{what}: found {found}, the limit is {limit}");

    public static ApiException Forbidden(string code, string message) => new(403, ErrorTypes.Permission, code, null, message);

    public static ApiException NotFound(string? code, string? param, string message) => new(404, ErrorTypes.Request, code, param, message);

    /// <summary>The one answer for a name that does not exist, is another's, or is not the key's to use.</summary>
    public static ApiException NoModel(string name, string param = "model") =>
        NotFound("model_not_found", param, $"The model `{name}` does not exist.");

    public static ApiException Precondition(string message) => new(412, ErrorTypes.Request, "version_mismatch", null, message);

    public static ApiException Unavailable(string code, string message) => new(503, ErrorTypes.Server, code, null, message);

    public static ApiException Busy(string code, string message, double retrySeconds) =>
        new(429, ErrorTypes.Rate, code, null, message) { RetrySeconds = retrySeconds };
}

/// <summary>OpenAI's families of errors.</summary>
internal static class ErrorTypes
{
    public const string Request = "invalid_request_error";
    public const string Permission = "permission_error";
    public const string Rate = "rate_limit_error";
    public const string Quota = "insufficient_quota";
    public const string Server = "server_error";
}
