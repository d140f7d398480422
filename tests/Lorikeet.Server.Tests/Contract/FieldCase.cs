namespace Lorikeet.Server.Tests.Contract;

/// <summary>A field of the contract: values that are taken and values that are refused, as JSON; others that go with them in the same request.</summary>
/// <param name="Section">The contract's section.</param>
/// <param name="Field">The field.</param>
/// <param name="Good">Values that are taken.</param>
/// <param name="Bad">Values that are refused with 400, <c>param</c> beginning with the field.</param>
/// <param name="With">More members of the request.</param>
public sealed record FieldCase(string Section, string Field, string[] Good, string[] Bad, string With = "");
